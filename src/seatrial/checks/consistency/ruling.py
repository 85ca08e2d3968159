"""What a judge of this package says of a history: one standing, a sentence, the operations.

May import: errors, model and the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from seatrial.errors import BadHistory
from seatrial.model import Json, Standing


@dataclass(frozen=True)
class Ruling:
    """`operations` are places in the judged history, those that say most first; times in seconds.

    Of what is broken, the first two are the operations that conflict, the rest bear witness.
    """

    standing: Standing
    reason: str
    operations: tuple[int, ...] = ()
    figures: Mapping[str, Json] = field(default_factory=dict)


def unless_bad(judged: Callable[[], Ruling]) -> Ruling:
    """Let a history that breaks its own rules be unknown, with the sentence that says which.

    >>> def judged() -> Ruling:
    ...     raise BadHistory("a whole last line")
    >>> unless_bad(judged).standing
    <Standing.UNKNOWN: 'unknown'>
    """
    try:
        return judged()
    except BadHistory as error:
        return Ruling(Standing.UNKNOWN, f"the history cannot be judged: {error}")
