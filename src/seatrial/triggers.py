"""When a planned fault happens, if not in its turn: at a time, on a state seen, after a load.

And to whom, if not to an ordinal: `leader` is whoever leads then, in its turn or after a trigger.

One word a trigger, so that a command line, Op 0 and a report say the same: `5s` after the faults
begin, `pod/1=Terminating`, `claim/1=Bound`, `backups=InProgress` of a custom resource's phase,
`writes=1000` acknowledged by each member, `leader`, `writes=1000+leader`.
May import: model, errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from seatrial.errors import BadInput
from seatrial.model import PlannedFault

LEADER: Final = "leader"
"""The role of the member that the members themselves name, by the profile's `ask.leader`."""
STATES = {
    "pod": ("Gone", "NotReady", "Pending", "Ready", "Running", "Terminating"),
    "claim": ("Bound", "Gone", "Pending", "Terminating"),
}
"""What can be waited for of a member's pod and of its claims."""
_TIME = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)s")
_WRITES = re.compile(r"writes=([1-9]\d{0,6})")
_PHASE = re.compile(r"([a-z][a-z0-9]*)=([A-Z][A-Za-z]*)")
_SEEN = re.compile(r"(pod|claim)/(\d{1,4})=([A-Za-z]+)")


@dataclass(frozen=True)
class Trigger:
    """One of: `seconds` after the faults begin, `writes` of each member, a `state` of `what`.

    `what` is pod or claim, and then `ordinal` says whose, or the plural of a custom resource whose
    `status.phase` becomes the state. `word` is all of it as it was written.
    With a `role` it says, perhaps alone, to whom the fault is done.
    """

    word: str
    seconds: float = 0.0
    writes: int = 0
    what: str = ""
    ordinal: int = -1
    state: str = ""
    role: str = ""


def read(word: str) -> Trigger:
    """Read a trigger; raises BadInput with what can be written."""
    when, plus, role = word.rpartition("+")
    if role == LEADER and (plus == "") == (when == ""):
        return (
            replace(_when(when, word), word=word, role=role) if when else Trigger(word, role=role)
        )
    return _when(word, word)


def waits(fault: PlannedFault) -> bool:
    """Whether a fault waits for something beside the others; a role alone is met in its turn."""
    return fault.trigger not in {"", fault.role}


def victims(fault: PlannedFault) -> tuple[int | str, ...]:
    """Give whom a fault is done to, one by one: ordinals, then its role once a time."""
    return (*fault.ordinals, *((fault.role,) * fault.times if fault.role else ()))


def _when(word: str, whole: str) -> Trigger:
    if found := _TIME.fullmatch(word):
        return Trigger(word, seconds=float(found[1]))
    if found := _WRITES.fullmatch(word):
        return Trigger(word, writes=int(found[1]))
    if (found := _SEEN.fullmatch(word)) and found[3] in STATES[found[1]]:
        return Trigger(word, what=found[1], ordinal=int(found[2]), state=found[3])
    if found := _PHASE.fullmatch(word):
        return Trigger(word, what=found[1], state=found[2])
    states = "; ".join(f"{what}/ORDINAL={'|'.join(known)}" for what, known in STATES.items())
    raise BadInput(
        f"a trigger: SECONDSs, writes=COUNT, {states}; RESOURCES=Phase; {LEADER}, or any of them "
        f"and +{LEADER}",
        seen=repr(whole),
        remedy="--fault pod-delete@5s, --fault 'partition@pod/1=Terminating', "
        f"--fault node-kill@{LEADER}",
    )


def split(fault: str) -> tuple[str, str]:
    """Part NAME@TRIGGER; the trigger is empty where there is none, and read where there is one."""
    name, there, word = fault.partition("@")
    return name, read(word).word if there else ""
