"""Telling a person how far we are; the doorway decides how it looks.

Nothing here prints: `Quiet` is the do-nothing version, the command line brings its own.
May import: the standard library.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Progress(Protocol):
    """What work in progress tells whoever watches it."""

    def step(self, what: str, usual: float | None = None) -> AbstractContextManager[None]:
        """Enter a step that usually takes `usual` seconds; steps nest and may run in threads."""

    def note(self, text: str) -> None:
        """Say one line that stays on the screen."""


class Quiet:
    """Tells nobody."""

    def step(self, what: str, usual: float | None = None) -> AbstractContextManager[None]:
        """Do nothing around the step."""
        del what, usual
        return nullcontext()

    def note(self, text: str) -> None:
        """Drop the line."""
        del text
