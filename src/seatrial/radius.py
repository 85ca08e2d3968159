"""How far a Plan may reach, as it is stated in Op 0; blast.py works it out.

May import: nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """The most that one fault may touch: machines, members, and seconds until healing begins.

    `role` says whom it is aimed at when no ordinal does.
    """

    fault: str
    nodes: int
    pods: int
    seconds: float
    role: str = ""


@dataclass(frozen=True)
class Radius:
    """The most that a Plan may touch at any one time; `each` bounds its faults (blast.py).

    With `quorum` it may take so many members at once that no majority is left.
    """

    nodes: int
    pods: int
    seconds: float
    quorum: bool
    each: tuple[Bound, ...]
