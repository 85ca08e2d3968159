"""Draws the lanes: a picture that needs no script, and the data of one that can be explored.

Colours are the page's own style variables, so that light and dark need no second picture; each
state also has its own height and outline, so that it can be told without colour.
May import: places, lanes, breaks; altair and vl-convert, which the extra `report` brings.
Source: Vega-Lite 6, "bar" and "params"; vl-convert, "javascript_bundle".
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from seatrial import history, places
from seatrial.errors import CannotRun
from seatrial.model import Json
from seatrial.report.breaks import Break
from seatrial.report.lanes import Bar, Lanes

WIDTH, STEP, LETTER = 860, 30, 6.4
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
    "gap": Look("var(--warn-soft)", "var(--warn)", 20, (2, 2), ink="var(--ink)"),
}
_THIN = 12


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
    return Picture(vl_convert.vegalite_to_svg(spec, vl_version=_version()), spec, _library())


def _version() -> str:
    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _library() -> str:
    """Give the drawing library as one script; bundling takes seconds, so it is kept."""
    kept = places.cache() / "report" / f"vega-{vl_convert.__version__}-{_version()}.js"
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    bundle: str = vl_convert.javascript_bundle(vl_version=_version())
    with suppress(CannotRun, OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        history.write_whole(kept, [bundle.encode()])
    return bundle


def _chart(lanes: Lanes) -> alt.LayerChart:
    end = max(lanes.end, 1.0)
    layers = alt.layer(
        _bands(lanes.breaks, end), _bars(lanes), _words(lanes.bars, end), *_marks(lanes, end)
    )
    return (
        layers.properties(width=WIDTH, height=alt.Step(STEP), background="transparent", padding=8)
        .configure(font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--ink)", titleColor="var(--soft)", gridColor="var(--line)",
            domainColor="var(--line)", tickColor="var(--line)", labelFontSize=12,
            titleFontSize=12, titleFontWeight="normal", labelLimit=260,
        )
    )  # fmt: skip


def _time(lanes: Lanes) -> alt.X:
    scale = alt.Scale(domain=[0, max(lanes.end, 1.0)], nice=False)
    return alt.X("start:Q", scale=scale, title="seconds since the run began")


def _lane(lanes: Lanes) -> alt.Y:
    axis = alt.Axis(ticks=False, domain=False, grid=False, labelPadding=10)
    return alt.Y("lane:N", sort=list(lanes.lanes), title=None, axis=axis)


def _bars(lanes: Lanes) -> alt.Chart:
    look, zoom = list(LOOKS), "[mousedown, window:mouseup] > window:mousemove!"
    wheel = alt.selection_interval(
        bind="scales", encodings=["x"], zoom="wheel![event.shiftKey]", translate=zoom
    )
    base = alt.Chart(_data([_row(bar) for bar in lanes.bars]))
    bars = base.mark_bar(cornerRadius=3, strokeWidth=1.5, clip=True).encode(
        x=_time(lanes), x2="end:Q", y=_lane(lanes),
        fill=_scaled(alt.Fill, [LOOKS[state].fill for state in look]),
        stroke=_scaled(alt.Stroke, [LOOKS[state].stroke for state in look]),
        size=_scaled(alt.Size, [LOOKS[state].height for state in look]),
        strokeDash=_scaled(alt.StrokeDash, [list(LOOKS[state].dash) for state in look]),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("lane", "state", "what", "when", "detail")],
    )  # fmt: skip
    drawn: alt.Chart = bars.add_params(wheel)
    return drawn


def _scaled(channel: Any, values: Sequence[Any]) -> Any:
    return channel("state:N", scale=alt.Scale(domain=list(LOOKS), range=values), legend=None)


def _row(bar: Bar) -> dict[str, Json]:
    when = f"{bar.start:.1f} to {bar.end:.1f} s ({bar.end - bar.start:.1f} s)"
    row = {"lane": bar.lane, "start": bar.start, "end": bar.end, "state": bar.state}
    return {**row, "what": bar.label, "when": when, "detail": bar.detail}


def _words(bars: Sequence[Bar], end: float) -> alt.Chart:
    """Write into each bar what fits; thin bars have no room for words."""
    said = [
        {"lane": bar.lane, "start": bar.start, "text": text, "ink": LOOKS[bar.state].ink}
        for bar in bars
        if (text := _fitting(_word(bar), (bar.end - bar.start) / end * WIDTH))
    ]
    chart: alt.Chart = (
        alt.Chart(_data(said))
        .mark_text(align="left", baseline="middle", dx=6, fontSize=11.5, clip=True, tooltip=False)
        .encode(x="start:Q", y="lane:N", text="text:N", color=alt.Color("ink:N", scale=None))
    )
    return chart


def _word(bar: Bar) -> str:
    if LOOKS[bar.state].height <= _THIN:
        return ""
    return bar.state if bar.state in {"terminating", "lost"} else bar.label


def _fitting(text: str, room: float) -> str:
    letters = int((room - 10) / LETTER)
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


def _marks(lanes: Lanes, end: float) -> tuple[alt.Chart, ...]:
    """Rule where a break began, a solid one where it was proved; its number and name above."""
    breaks = lanes.breaks
    stops = [*(one.start for one in breaks[1:]), end]
    names = [
        {"start": one.start, "text": _fitting(_title(number, one), (stop - one.start) / end * WIDTH)
         or f"{number}"}
        for number, (one, stop) in enumerate(zip(breaks, stops, strict=True), 1)
    ]  # fmt: skip
    received = [{"start": one.received} for one in breaks if one.received is not None]
    color = "var(--fault)"
    title = alt.Chart(_data(names)).mark_text(
        align="left", baseline="bottom", fontSize=11.5, fontWeight="bold", color=color, tooltip=False
    )
    began, proved = alt.Chart(_data(names)), alt.Chart(_data(received))
    return (
        began.mark_rule(color=color, strokeDash=[4, 3], clip=True).encode(x="start:Q"),
        proved.mark_rule(color=color, strokeWidth=2, clip=True).encode(x="start:Q"),
        title.encode(x="start:Q", y=alt.value(-6), text="text:N"),
    )


def _title(number: int, one: Break) -> str:
    return f"{number} {one.fault} {one.target}"


def _data(rows: list[dict[str, Json]]) -> alt.InlineData:
    return alt.InlineData(values=rows)
