"""Draws the lanes: a picture that needs no script, and the data of one that can be explored.

Colours are the page's own style variables, so that light and dark need no second picture; each
state also has its own height and outline, so that it can be told without colour.
May import: places, lanes, breaks; altair and vl-convert, which the extra `report` brings.
Source: Vega-Lite 6, "bar" and "params"; vl-convert, "javascript_bundle".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

import altair as alt
import vl_convert

from seatrial import history, places
from seatrial.errors import CannotRun
from seatrial.model import Json
from seatrial.report.breaks import Break
from seatrial.report.lanes import Bar, Lanes

WIDTH, STEP, LETTER = 860, 30, 6.1
"""Pixels: of the time axis, of a lane's height, of a letter's usual width."""


@dataclass(frozen=True)
class Look:
    """How a state is drawn; colours are style variables, `height` is in pixels."""

    fill: str
    stroke: str
    height: int
    dash: tuple[int, int] = (1, 0)
    ink: str = "var(--on-solid)"


LOOKS = {
    "ready": Look("var(--ready)", "var(--ready)", 20),
    "bound": Look("var(--bound)", "var(--bound)", 20),
    "not ready": Look("var(--warn-soft)", "var(--warn)", 12, ink="var(--ink)"),
    "pending": Look("var(--mute)", "var(--mute)", 4, ink="var(--ink)"),
    "terminating": Look("var(--paper)", "var(--warn)", 20, (4, 3), ink="var(--ink)"),
    "stopped": Look("var(--paper)", "var(--broken)", 12, (1, 2), ink="var(--ink)"),
    "lost": Look("var(--broken)", "var(--broken)", 20),
    "phase": Look("var(--band)", "var(--line)", 20, ink="var(--ink)"),
    "stage": Look("var(--stage)", "var(--stage)", 20),
    "gone": Look("var(--paper)", "var(--broken)", 20, (6, 4), ink="var(--ink)"),
    "acknowledged": Look("var(--ready)", "var(--ready)", 14),
    "unanswered": Look("var(--broken-soft)", "var(--broken)", 22, ink="var(--ink)"),
    "refused": Look("var(--warn)", "var(--warn)", 26),
    "gap": Look("var(--warn-soft)", "var(--warn)", 20, (2, 2), ink="var(--ink)"),
}
PADDING = {"left": 8, "top": 26, "right": 8, "bottom": 8}
_THIN, _SEEN, _GAP = 12, 2, 9
"""Pixels: a height without room for words, a width that can be seen, the space around words."""
_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_PATH = re.compile(r' d="[MLHVCAZ0-9.,e-]*"')


@dataclass(frozen=True)
class Picture:
    """The lanes as SVG text, and what a script needs to draw them again: spec and library."""

    svg: str
    spec: Json
    library: str


def draw(lanes: Lanes) -> Picture:
    """Draw the lanes; raises ValueError when the drawing library refuses."""
    spec = _chart(lanes).to_dict()
    spec.pop("$schema", None)
    svg = vl_convert.vegalite_to_svg(spec, vl_version=_version())
    return Picture(_PATH.sub(_shortened, svg), spec, _library())


def _shortened(path: re.Match[str]) -> str:
    """Cut a path's numbers to what a screen can show: they are half of the picture's bytes."""
    return re.sub(r"(\.\d\d)\d+", r"\1", path.group())


def _version() -> str:
    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _library() -> str:
    """Give the drawing library as one script; bundling takes seconds, so it is kept."""
    kept = places.cache() / "report" / f"vega-{version('vl-convert-python')}-{_version()}.js"
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    bundle: str = vl_convert.javascript_bundle(_SNIPPET, _version())
    with suppress(CannotRun, OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        history.write_whole(kept, [bundle.encode()])
    return bundle


def _chart(lanes: Lanes) -> alt.LayerChart:
    end = max(lanes.end, 1.0)
    # what is drawn later lies above: words must stay readable under a rule
    layers = alt.layer(
        _bands(lanes.breaks, end), *_bars(lanes), *_rules(lanes.breaks), *_words(lanes, end)
    )
    chart: alt.LayerChart = (
        layers.properties(width=WIDTH, height=alt.Step(STEP), background="transparent")
        .configure(font="system-ui, sans-serif", padding=PADDING)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--ink)", titleColor="var(--soft)", gridColor="var(--line)",
            domainColor="var(--line)", tickColor="var(--line)", labelFontSize=12,
            titleFontSize=12, titleFontWeight="normal", labelLimit=175,
        )
    )  # fmt: skip
    return chart


def _time(end: float) -> alt.X:
    scale = alt.Scale(domain=[0, end], nice=False)
    axis = alt.Axis(title="seconds since the run began")
    return alt.X("start:Q", scale=scale, axis=axis)


def _lane(lanes: Lanes) -> alt.Y:
    axis = alt.Axis(ticks=False, domain=False, grid=False, labelPadding=10, title=None)
    return alt.Y("lane:N", sort=None, scale=alt.Scale(domain=list(lanes.lanes)), axis=axis)


def _bars(lanes: Lanes) -> list[alt.Chart]:
    states = [state for state in LOOKS if any(bar.state == state for bar in lanes.bars)]
    first, *others = [_stated(lanes, state) for state in states]
    wheel = alt.selection_interval(bind="scales", encodings=["x"], zoom="wheel![event.shiftKey]")
    return [first.add_params(wheel), *others]


def _stated(lanes: Lanes, state: str) -> alt.Chart:
    """Draw the bars of one state; a layer of its own, since height cannot be data."""
    look, end = LOOKS[state], max(lanes.end, 1.0)
    base = alt.Chart(_data([_row(bar, end) for bar in lanes.bars if bar.state == state]))
    mark = base.mark_bar(
        fill=look.fill, stroke=look.stroke, strokeDash=list(look.dash), strokeWidth=1.5,
        height=look.height, cornerRadius=3, clip=True,
    )  # fmt: skip
    chart: alt.Chart = mark.encode(
        x=_time(end),
        x2="end:Q",
        y=_lane(lanes),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("lane", "state", "what", "when", "detail")],
    )
    return chart


def _row(bar: Bar, end: float) -> dict[str, Json]:
    """Give a bar's data; a short one is drawn wider than it was, and told as it was."""
    when = f"{bar.start:.1f} to {bar.end:.1f} s ({bar.end - bar.start:.1f} s)"
    until = max(bar.end, min(bar.start + _SEEN * end / WIDTH, end))
    row = {"lane": bar.lane, "start": round(bar.start, 3), "end": round(until, 3)}
    return {**row, "state": bar.state, "what": bar.label, "when": when, "detail": bar.detail}


def _words(lanes: Lanes, end: float) -> list[alt.Chart]:
    """Write into each bar what fits, and above all of them what was broken."""
    said = [
        {"lane": bar.lane, "start": bar.start, "text": text, "ink": LOOKS[bar.state].ink}
        for bar in lanes.bars
        if (text := _word(bar, (bar.end - bar.start) / end * WIDTH))
    ]
    inside = alt.Chart(_data(said)).mark_text(align="left", dx=6, fontSize=11.5, clip=True)
    above = alt.Chart(_data(_titles(lanes.breaks, end))).mark_text(
        align="left", baseline="bottom", fontSize=11.5, fontWeight="bold",
        color="var(--fault)", clip=False,
    )  # fmt: skip
    return [
        inside.encode(
            x="start:Q", y=_lane(lanes), text="text:N", color=alt.Color("ink:N", scale=None)
        ),
        above.encode(x="start:Q", y=alt.value(-5), text="text:N"),
    ]


def _word(bar: Bar, room: float) -> str:
    if LOOKS[bar.state].height <= _THIN:
        return ""
    if bar.brief:
        whole = (text for text in (bar.label, bar.brief) if len(text) * LETTER + _GAP <= room)
        return next(whole, "")
    return _fitting(bar.state if bar.state in {"terminating", "lost"} else bar.label, room)


def _fitting(text: str, room: float) -> str:
    letters = int((room - _GAP) / LETTER)
    if len(text) <= letters:
        return text
    return f"{text[: letters - 1]}…" if letters > 3 else ""  # noqa: PLR2004 - "po…" says nothing


def _bands(breaks: Sequence[Break], end: float) -> alt.Chart:
    rows = [{"start": one.start, "end": one.healed or end} for one in breaks]
    band: alt.Chart = (
        alt.Chart(_data(rows))
        .mark_rect(fill="var(--fault)", opacity=0.13, clip=True, tooltip=False)
        .encode(x="start:Q", x2="end:Q")
    )
    return band


def _rules(breaks: Sequence[Break]) -> list[alt.Chart]:
    """Rule where each break began, and a solid one where it was proved."""
    began = alt.Chart(_data([{"start": one.start} for one in breaks]))
    proved = alt.Chart(_data([{"start": one.received} for one in breaks if one.received]))
    return [
        began.mark_rule(color="var(--fault)", strokeDash=[4, 3], clip=True).encode(x="start:Q"),
        proved.mark_rule(color="var(--fault)", strokeWidth=2, clip=True).encode(x="start:Q"),
    ]


def _titles(breaks: Sequence[Break], end: float) -> list[dict[str, Json]]:
    """Number each break, and name it where its name ends before the next begins.

    A name is never cut: the table of what was done has them all, by their numbers.
    """
    stops = [*(one.start for one in breaks[1:]), end][: len(breaks)]
    rooms = [(stop - one.start) / end * WIDTH for one, stop in zip(breaks, stops, strict=True)]
    return [
        {"start": one.start, "text": _title(number, one, room)}
        for number, (one, room) in enumerate(zip(breaks, rooms, strict=True), 1)
    ]


def _title(number: int, one: Break, room: float) -> str:
    names = (f"{number} {one.fault} {one.target}", f"{number} {one.fault}")
    return next((name for name in names if len(name) * _BOLD + _GAP <= room), str(number))


_BOLD = 1.1 * LETTER


def _data(rows: list[dict[str, Json]]) -> alt.InlineData:
    return alt.InlineData(values=rows)
