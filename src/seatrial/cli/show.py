"""How the command line looks: progress, tables, errors. Everything for people goes to stderr.

Colour and movement only on a terminal; NO_COLOR is respected (rich does). May import: rich,
model, errors, progress, run, rogues.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from seatrial.errors import SeatrialError
from seatrial.model import Standing, Verdict

_STYLES = {
    Standing.HOLDS: "green",
    Standing.BROKEN: "bold red",
    Standing.UNKNOWN: "yellow",
    Standing.FIGURE: "blue",
}
_MARKS = {Standing.HOLDS: "✓", Standing.BROKEN: "✗", Standing.UNKNOWN: "?", Standing.FIGURE: "="}


class _TimeLeft(ProgressColumn):
    """Seconds so far, and how many are usually left."""

    def render(self, task: Task) -> Text:
        """Render one step's clock."""
        gone, usual = task.elapsed or 0.0, task.fields.get("usual")
        if not usual:
            return Text(f"{gone:.0f} s")
        left = usual - gone
        rest = f"about {left:.0f} s left" if left >= 0 else f"usually {usual:.0f} s"
        return Text(f"{gone:.0f} s, {rest}")


@dataclass(frozen=True)
class Terminal:
    """Progress for a person: moving on a terminal, a line a step anywhere else."""

    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    bars: Bars | None = None

    @contextmanager
    def step(self, what: str, usual: float | None = None) -> Iterator[None]:
        """Show a step while it runs; when it is over, its seconds stay on the screen."""
        started = time.monotonic()
        with self._moving(what, usual):
            yield
        self.note(f"  {time.monotonic() - started:6.1f} s  {what}")

    def note(self, text: str) -> None:
        """Print one line above whatever moves."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def _moving(self, what: str, usual: float | None) -> Iterator[None]:
        if self.bars is None:
            if usual and usual >= _LONG:
                self.note(f"           {what} … usually {usual:.0f} s")
            yield
            return
        task = self.bars.add_task(what, total=None, usual=usual)
        try:
            yield
        finally:
            self.bars.remove_task(task)


_LONG = 5.0


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Give the Progress of a command; it moves only when stderr is a terminal."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Terminal(console)
        return
    with bars(console) as moving:
        yield Terminal(console, moving)


def bars(console: Console) -> Bars:
    """Give what steps move in; it is gone when they are over."""
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), _TimeLeft()
    return Bars(*columns, console=console, transient=True)


def document(value: object) -> None:
    """Print the one JSON document of a --json call on standard output."""
    json.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def failure(error: SeatrialError, *, as_json: bool) -> None:
    """Say what was wanted, what was seen and what to do."""
    if as_json:
        said = {"wanted": error.wanted, "seen": error.seen, "try": error.remedy}
        document({"error": said, "exit_code": error.exit_code})
    console = Console(stderr=True, highlight=False)
    for name, text in (("wanted", error.wanted), ("seen", error.seen), ("try", error.remedy)):
        if text:
            line = Text(f"{name}: ", style="bold red" if name == "wanted" else "bold")
            console.print(line.append(text, style="not bold default"), soft_wrap=True)


def verdicts(
    found: Sequence[Verdict], sentences: Mapping[str, str], runs: Mapping[str, str]
) -> None:
    """Print the verdict table; `runs` says of a guarantee in how many runs it held."""
    table = Table("", "guarantee", "verdict", "because", box=None, pad_edge=False)
    for verdict in found:
        style = _STYLES[verdict.verdict]
        table.add_row(
            Text(_MARKS[verdict.verdict], style),
            Text(f"{verdict.guarantee}\n") + Text(sentences.get(verdict.guarantee, ""), "dim"),
            Text(verdict.verdict.value, style),
            Text("\n".join([verdict.reason, *(f"likely: {one}" for one in verdict.advice)]))
            + Text(f"\n{said}" if (said := runs.get(verdict.guarantee)) else "", "dim"),
        )
    Console(highlight=False).print(table)


def rows(found: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print objects as a table of the named columns."""
    table = Table(*columns, box=None, pad_edge=False)
    for row in found:
        table.add_row(*(Text(cell(row.get(column, ""))) for column in columns))
    Console(highlight=False).print(table)


def cell(value: object) -> str:
    """Give a value of a row as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {inner}" for key, inner in value.items())
    return str(value)


def line(text: str, standing: Standing | None = None) -> None:
    """Print one line of the answer on standard output."""
    Console(highlight=False).print(Text(text, _STYLES.get(standing, "")), soft_wrap=True)  # type: ignore[arg-type]
