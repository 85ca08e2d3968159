"""Why the harness itself could not go on; imports the standard library only.

A broken promise of the system under trial is a verdict, never an exception.

::

    SeatrialError              exit code
    ├── BadInput               4   the call, a profile or an experiment is wrong
    │   └── BadProfile             ... and here is the line
    ├── CannotRun              3   something the run needs is not there
    │   ├── ToolFailed             a child process failed; its command can be pasted
    │   ├── NotReady               waited for a condition, and it did not come
    │   └── NotOurs                it exists, and we did not make it
    ├── Untried                2   what a trial needs is not there: its verdicts are unknown
    ├── BadHistory             2   a history breaks its own rules: what it shows is unknown
    ├── NotHealed              5   a fault of ours is still in place
    └── Interrupted            130 somebody pressed Ctrl-C; all was put back
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SeatrialError(Exception):
    """Says what was wanted, what was seen, and what to do about it."""

    exit_code = 3

    def __init__(self, wanted: str, *, seen: str = "", remedy: str = "") -> None:
        self.wanted, self.seen, self.remedy = wanted, seen, remedy
        super().__init__(wanted, seen, remedy)

    def __str__(self) -> str:
        """Render one sentence a line; empty parts are left out."""
        parts = [("wanted", self.wanted), ("seen", self.seen), ("try", self.remedy)]
        return "\n".join(f"{name}: {text}" for name, text in parts if text)


class BadInput(SeatrialError):
    """The call or a file given by the user is wrong."""

    exit_code = 4


class BadProfile(BadInput):
    """A profile does not say what a profile must say."""


class CannotRun(SeatrialError):
    """Something that the run needs is not to be had here."""


class ToolFailed(CannotRun):
    """A child process failed; `wanted` holds its command in a form to paste."""


class NotReady(CannotRun):
    """A named time limit passed before its condition came true."""


class NotOurs(CannotRun):
    """Something of that name exists, and we did not make it."""


class Untried(SeatrialError):
    """Ground or subject lack what a trial needs, so that nothing could be tried.

    `touched` is False when it was known before anything was made.
    """

    exit_code = 2
    touched = True


class BadHistory(SeatrialError):
    """A history contradicts itself or is cut short, so that nothing can be concluded from it."""

    exit_code = 2


class NotHealed(SeatrialError):
    """A fault of ours is still in place."""

    exit_code = 5


class Interrupted(SeatrialError):
    """The run was stopped by hand; what it had broken was healed first."""

    exit_code = 130


def nearest(wanted: str, known: Iterable[str], otherwise: str = "") -> str:
    """Give the remedy for a word that is not known: the one like it, `otherwise` where none is."""
    near = difflib.get_close_matches(wanted, [*known], 1, 0.4)
    return f"did you mean {near[0]}?" if near else otherwise
