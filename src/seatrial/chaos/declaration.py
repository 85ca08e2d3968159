"""What an experiment declares of itself, and whether its method does just that.

Whoever reads the declaration, or asks for a dry run, must see all that will be broken.
A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seatrial.chaos.arguments import OURS
from seatrial.chaos.signatures import Who
from seatrial.errors import BadInput, nearest
from seatrial.faults import FAULTS
from seatrial.model import PlannedFault
from seatrial.triggers import LEADER

BREAKS: Mapping[str, str] = {"kill_node": "node-kill", "lose_node": "node-lost"}
"""By activity that breaks one thing only: the fault that it causes; `cause` names its own."""
FOLLOWS = frozenset(
    {
        "cleared", "fence", "gone", "mend", "moved", "out_of_service", "rescheduled", "restored",
        "serving", "silent", "unreachable",
    }
)  # fmt: skip
"""Activities that follow up what was broken before them, at the same ordinal."""
PARTS = ("steady state", "method", "rollbacks")
_CONTROL = "seatrial.chaos.control"
_EXTENSION = "seatrial"
_CAUSE, _MEND = "cause", "mend"
_COPY = "copy it from experiments/node-loss.yaml"

Activity = Mapping[str, Any]
Hit = tuple[str, Who]
"""A fault and the ordinal, or the role, that it is done to."""


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    fault: str
    ordinals: list[Who] = Field(min_length=1)


class _Extension(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    drill: str = Field(min_length=1)
    guarantees: list[str] = Field(min_length=1)
    faults: list[_Fault] = []
    blast_radius: str = Field(min_length=1)
    quorum: Literal["keep", "may"] = "keep"


@dataclass(frozen=True)
class Declaration:
    """Our extension of an experiment; `where` is what to call the experiment.

    `ours` is False for an experiment that none of our activities is in: then nothing is declared.
    `hits` is each fault with each of its ordinals; with `quorum` no majority need be left.
    """

    where: str
    ours: bool
    drill: str = ""
    guarantees: tuple[str, ...] = ()
    faults: tuple[PlannedFault, ...] = ()
    blast_radius: str = "not declared"
    hits: tuple[Hit, ...] = ()
    quorum: bool = False

    def demand_kept(self, document: Mapping[str, Any]) -> None:
        """Refuse an experiment that breaks something else than it declares, or nobody judges."""
        if not self.ours:
            return
        _demand_control(document, self.where)
        for part in ("steady state", "rollbacks"):
            for activity, name in _named(document, part):
                if name in BREAKS or name == _CAUSE:
                    raise BadInput(
                        f"{_title(activity)} of {self.where} in the method",
                        seen=f"it is in the {part}, where nothing may be broken",
                    )
        found = _broken(document, self.where)
        if sorted(map(str, found)) != sorted(map(str, self.hits)):
            raise BadInput(
                f"{self.where} to declare what its method breaks: {_said(found)}",
                seen=f"its extension {_EXTENSION} declares {_said(self.hits)}",
                remedy="mend `faults` of the extension, or the ordinals in the method",
            )


def declared(document: Mapping[str, Any], where: str) -> Declaration:
    """Read our extension. Raises BadInput for one that lacks or garbles what must be declared."""
    ours = any(True for part in PARTS for _ in _named(document, part))
    extensions = document.get("extensions") or []
    if not isinstance(extensions, list) or not all(isinstance(e, dict) for e in extensions):
        raise BadInput(f"extensions of {where}, each of keys and values", seen=repr(extensions))
    own = next((e for e in extensions if e.get("name") == _EXTENSION), None)
    if own is None and not ours:
        return Declaration(where, ours=False)
    if own is None:
        raise BadInput(f"an extension {_EXTENSION} of {where}", seen="none", remedy=_COPY)
    try:
        read = _Extension.model_validate(own)
    except ValidationError as error:
        raise BadInput(f"the extension {_EXTENSION} of {where}", seen=_first(error)) from None
    _demand_known([fault.fault for fault in read.faults], where)
    faults = tuple(map(_planned, read.faults))
    return Declaration(
        where,
        ours=True,
        drill=read.drill,
        guarantees=tuple(read.guarantees),
        faults=faults,
        blast_radius=read.blast_radius,
        hits=tuple((fault.fault, ordinal) for fault in read.faults for ordinal in fault.ordinals),
        quorum=read.quorum == "may",
    )


def hit_of(name: str, arguments: Mapping[str, Any]) -> Hit | None:
    """Say what one of our activities breaks, by its name; None when it breaks nothing."""
    fault = arguments.get("fault") if name == _CAUSE else BREAKS.get(name)
    return (str(fault), arguments["ordinal"]) if fault else None


def _planned(read: _Fault) -> PlannedFault:
    numbers = tuple(ordinal for ordinal in read.ordinals if isinstance(ordinal, int))
    times = read.ordinals.count(LEADER)
    role = LEADER if times else ""
    return PlannedFault(read.fault, numbers, role, role, max(1, times))


def activities(document: Mapping[str, Any], part: str) -> Sequence[Activity]:
    """Give the activities of one part: steady state, method or rollbacks.

    Raises BadInput when they are no list of keys and values.
    """
    if part == "steady state":
        hypothesis = mapping(document.get("steady-state-hypothesis") or {}, "a steady state")
        found = hypothesis.get("probes") or []
    else:
        found = document.get(part) or []
    if not isinstance(found, list):
        raise BadInput(f"a list of activities in {part}", seen=repr(found))
    return [mapping(activity, f"an activity in {part}") for activity in found]


def mapping(found: Any, wanted: str) -> Mapping[str, Any]:
    """Give what is keys and values; raises BadInput for anything else."""
    if not isinstance(found, dict):
        raise BadInput(f"{wanted}, of keys and values", seen=repr(found))
    return found


def _named(document: Mapping[str, Any], part: str) -> Iterator[tuple[Activity, str]]:
    """Give our own activities of a part, each with the name of its function."""
    for activity in activities(document, part):
        provider = mapping(activity.get("provider", {}), f"a provider in {part}")
        if provider.get("module") == OURS:
            yield activity, str(provider.get("func"))


def _broken(document: Mapping[str, Any], where: str) -> list[Hit]:
    """Give what the method breaks, in order; what follows up what nobody broke is refused."""
    found: list[Hit] = []
    mended: list[Hit] = []
    for activity, name in _named(document, "method"):
        arguments = activity["provider"].get("arguments") or {}
        ordinal, hit = arguments.get("ordinal"), hit_of(name, arguments)
        if hit and activity.get("background"):
            said = "it is in the background, so nobody knows what comes before and after it"
            raise BadInput(f"{_title(activity)} of {where} in its turn", seen=said)
        if hit:
            _demand_known([hit[0]], where)
            found.append(hit)
        if name in FOLLOWS and ordinal not in {target for _, target in found}:
            raise BadInput(
                f"{_title(activity)} of {where} after what it follows up",
                seen=f"nothing before it breaks ordinal {ordinal}",
            )
        if name == _MEND:
            mended.append((str(arguments["fault"]), arguments["ordinal"]))
            _demand_open(found, mended, activity, where)
    return found


def _demand_open(
    found: Sequence[Hit], mended: Sequence[Hit], activity: Activity, where: str
) -> None:
    """Refuse to heal what is not broken, or was healed before."""
    if mended.count(mended[-1]) > found.count(mended[-1]):
        raise BadInput(
            f"{_title(activity)} of {where} to heal what is broken by then",
            seen=f"broken before it: {_said(found)}; healed: {_said(mended[:-1])}",
        )


def _demand_control(document: Mapping[str, Any], where: str) -> None:
    controls = document.get("controls") or []
    listed = controls if isinstance(controls, list) else []
    found = [c.get("provider") for c in listed if isinstance(c, dict)]
    if not any(isinstance(p, dict) and p.get("module") == _CONTROL for p in found):
        wanted = f"a control {_CONTROL} in {where}: it begins and judges the trial"
        raise BadInput(wanted, seen=repr(controls), remedy=_COPY)


def _demand_known(names: Sequence[str], where: str) -> None:
    for name in names:
        if name not in FAULTS:
            raise BadInput(
                f"faults of {where} out of {', '.join(FAULTS)}",
                seen=repr(name),
                remedy=nearest(name, FAULTS),
            )


def _said(hits: Sequence[Hit]) -> str:
    return ", ".join(f"{fault} of ordinal {ordinal}" for fault, ordinal in hits) or "nothing"


def _title(activity: Activity) -> str:
    return repr(str(activity.get("name", "an activity")))


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
