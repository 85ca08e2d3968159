"""A stand-in controller beside a trial: a rogue's own, where its defect is a controller's.

It is a kopf operator in one file, run by a child process that lives as long as the trial does:
the pipe to it closes with us, whatever ends us. It reaches the cluster by the trial's kubeconfig,
so it needs no image, and nothing that a trial breaks can break it.
May import: model, errors, command, scrub, timing.
Source: kopf, "Handlers" (on.event), "Embedding".
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seatrial import command
from seatrial.errors import CannotRun
from seatrial.model import Op, Outcome, Profile, Recorder
from seatrial.scrub import scrub
from seatrial.timing import limit, wait

MANAGER = "seatrial-standin"
"""The field manager of what a rogue's own controller writes: it is part of the subject."""
READY = "ready"
"""What the child says once it follows the cluster."""
_LAST_LINES = 12


@dataclass(frozen=True)
class Reach:
    """The cluster and the namespace that a controller acts in."""

    kubeconfig: Path
    context: str
    namespace: str


@contextmanager
def beside(profile: Profile, reach: Reach, log: Path, recorder: Recorder) -> Iterator[None]:
    """Run the profile's controller, if it has one, while the body runs; what it says is in `log`.

    Raises NotReady when it does not follow the cluster in time, CannotRun when it ends before us.
    """
    if not profile.controller:
        yield
        return
    words = _Words(command.telling(_argv(profile, reach), env={}, errors=True), log)
    try:
        wait(words, _Words.unready, limit("controller is ready"))
        _note(recorder, {"event": "started", "controller": Path(profile.controller).name})
        yield
        words.demand_alive()
    finally:
        ended = words.ended
        words.close()
        _note(recorder, {"event": "ended", "of itself": ended, "said": words.last(3)})


def _argv(profile: Profile, reach: Reach) -> list[str]:
    words = [profile.controller, profile.set, str(reach.kubeconfig), reach.context, reach.namespace]
    return [sys.executable, "-P", "-B", "-m", "seatrial.standin.child", *words]


def _note(recorder: Recorder, value: dict[str, object]) -> None:
    now = recorder.now()
    recorder.write(Op("controller", "controller", Outcome.OK, now, now, value))


@dataclass
class _Words:
    """What the child says, line by line, into the log; no secret gets there."""

    child: command.Telling
    log: Path
    changed: threading.Condition = field(default_factory=threading.Condition)
    trouble: str = ""
    ready: bool = False
    ended: bool = False
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._listen, name="stand-in controller")
        self.thread.start()

    def unready(self) -> str | None:
        """Say why it does not follow the cluster; None when it does."""
        self.demand_alive()
        return None if self.ready else self.last(1) or "it has said nothing yet"

    def demand_alive(self) -> None:
        """Raise CannotRun when it has ended: what it was to do, nobody did."""
        if self.ended:
            raise CannotRun(
                "the rogue's controller to run",
                seen=self.last(_LAST_LINES) or "it ended without a word",
                remedy=f"read {self.log}",
            )

    def last(self, lines: int) -> str:
        """Give the last lines that it said."""
        return "\n".join(self.said[-lines:])

    def close(self) -> None:
        """End it, and have all that it said in the log."""
        self.child.close()
        self.thread.join()

    def _listen(self) -> None:
        with self.log.open("a", encoding="utf-8", buffering=1) as sink:
            for line in self.child:
                if line == READY and not self.ready:
                    self._becomes(ready=True)
                    continue
                clean = scrub(line)
                sink.write(f"{clean}\n")
                self.said = [*self.said[1 - _LAST_LINES :], clean]
        self._becomes(ended=True)

    def _becomes(self, *, ready: bool = False, ended: bool = False) -> None:
        with self.changed:
            self.ready, self.ended = self.ready or ready, self.ended or ended
            self.changed.notify_all()
