"""What a drill does just now, for whoever watches: what is broken, since when, what clients get.

It moves on a terminal and is a line for each change anywhere else; NO_COLOR is respected (rich
does). Nobody is asked for it: it shows what the drill's own probes see.
A doorway: may import everything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live as Moving
from rich.table import Table
from rich.text import Text

from seatrial.chaos import schedule
from seatrial.chaos.schedule import STOP, Step
from seatrial.cli.show import Terminal, bars
from seatrial.faults.scene import Proof
from seatrial.model import Json
from seatrial.progress import Progress, Quiet

_EVERY = 5.0
"""Seconds between two lines about the same steady state."""
_CHAOS = "chaostoolkit"
"""The logger of Chaos Toolkit, whose lines would tear what moves."""


@dataclass
class Watch:
    """All that is shown. Times are of `clock`, in seconds; threads may tell and draw at once."""

    progress: Progress = field(default_factory=Quiet)
    steps: Sequence[Step] = ()
    clock: Callable[[], float] = time.monotonic
    began: float = 0.0
    number: int = 0
    broken: dict[str, tuple[str, float]] = field(default_factory=dict)
    flow: str = "nobody looked yet"
    said: float = -_EVERY
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def left(self) -> float:
        """Seconds that all that is still to come takes at most, the step under way included."""
        return sum(step.seconds for step in self.steps[max(0, self.number - 1) :])

    def begin(self, name: str) -> None:
        """Say that an activity begins."""
        names = [step.name for step in self.steps]
        with self.lock:
            if name not in names[self.number :]:
                return
            self.number = names.index(name, self.number) + 1
            left = self.left
        self._note(f"[{self.number}/{len(names)}] {name}; at most {left:.0f} s left")

    @contextmanager
    def breaking(self, fault: str, ordinal: int) -> Iterator[Callable[[Proof], None]]:
        """Show a fault until its healing is proved; gives whom to hand its receipt to."""
        name = f"{fault} of ordinal {ordinal}"
        began = self.clock()

        def proved(receipt: Proof) -> None:
            witness = str(receipt.get("witness", "it has a receipt"))
            self._set(name, witness, began)
            self._note(f"broken: {name}: {witness}")

        self._set(name, "being broken", began)
        try:
            yield proved
        except BaseException:
            self._note(f"put back: {name}")
            raise
        else:
            self._note(f"healed: {name}, {self.clock() - began:.1f} s after it began to be broken")
        finally:
            with self.lock:
                self.broken.pop(name, None)

    def steady(self, ordinals: Sequence[int], rate: float, seconds: float) -> None:
        """Show what members acknowledge: writes a second, and how long ten of each took."""
        who = f"member{'s' * (len(ordinals) != 1)} {', '.join(map(str, ordinals))}"
        said = f"{who} acknowledge {rate:.0f} writes/s; ten of each took {seconds:.1f} s"
        with self.lock:
            self.flow = said
            due = self.clock() - self.said >= _EVERY
            self.said = self.clock() if due else self.said
        if due:
            self._note(f"clients: {said}")

    def __rich__(self) -> RenderableType:
        """Draw it as it is now."""
        with self.lock:
            table = Table.grid(padding=(0, 2))
            for name, (witness, since) in self.broken.items():
                gone = Text(f"{self.clock() - since:.0f} s", "bold red")
                table.add_row(Text("broken", "bold red"), Text(name), gone, Text(witness, "dim"))
            if not self.broken:
                table.add_row(Text("broken", "green"), Text("nothing"))
            table.add_row(Text("clients", "bold"), Text(self.flow))
            step = self.steps[self.number - 1].name if self.number else "before the first step"
            told = f"{self.number} of {len(self.steps)}: {step}"
            left = Text(f"at most {self.left:.0f} s left", "dim")
            table.add_row(Text("step", "bold"), Text(told), left)
            table.add_row(Text("stop", "bold"), Text(STOP, "dim"))
        return table

    def _set(self, name: str, witness: str, since: float) -> None:
        with self.lock:
            self.broken[name] = witness, since

    def _note(self, text: str) -> None:
        self.progress.note(f"{self.clock() - self.began:7.1f} s  {text}")


@contextmanager
def watching(document: Mapping[str, Json]) -> Iterator[Watch]:
    """Show a drill while the body runs; it moves only when stderr is a terminal."""
    console = Console(stderr=True, highlight=False)
    found, began = schedule.steps(document), time.monotonic()
    if not console.is_terminal:
        watch = Watch(Terminal(console), found, began=began)
        watch.progress.note(STOP)
        yield watch
        return
    moving = bars(console)
    watch = Watch(Terminal(console, moving), found, began=began)
    drawn = Group(watch, moving)
    with _quiet(), Moving(drawn, console=console, transient=True, refresh_per_second=4):
        yield watch


@contextmanager
def _quiet() -> Iterator[None]:
    """Have Chaos Toolkit write its plain lines into its log file alone; trouble is told still."""
    known: list[tuple[Any, int]] = [
        (handler, handler.level)
        for handler in logging.getLogger(_CHAOS).handlers
        if type(handler) is logging.StreamHandler
    ]
    for handler, _ in known:
        handler.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for handler, level in known:
            handler.setLevel(level)
