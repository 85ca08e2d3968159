"""What was broken in a run: the fault Ops put together, one Break an injection.

Pure functions of the History. May import: model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seatrial.model import History, Json, Op


@dataclass(frozen=True)
class Break:
    """One injection of a fault; `stages` are its Ops in order.

    Times are seconds on the run's clock, None for a stage that was never reached.
    """

    stages: tuple[Op, ...]

    @property
    def fault(self) -> str:
        """Name in the table of faults."""
        return str(self.stages[0].value.get("fault", "fault"))

    @property
    def ordinal(self) -> int | None:
        """Which member was the victim."""
        ordinal = self.stages[0].value.get("ordinal")
        return ordinal if isinstance(ordinal, int) else None

    @property
    def target(self) -> str:
        """What was hit: a pod or a node by name, else the ordinal."""
        named = (_named(op.value) for op in self.stages)
        return next((name for name in named if name), f"ordinal {self.ordinal}")

    @property
    def start(self) -> float:
        """When it began: the break itself if that was recorded, else its first stage."""
        return self._when("broken") or self.stages[0].completed

    @property
    def received(self) -> float | None:
        """When independent proof showed that it took effect."""
        return self._when("receipt")

    @property
    def healed(self) -> float | None:
        """When it was proved that all is well again."""
        return self._when("healed")

    @property
    def receipt(self) -> Mapping[str, Json]:
        """The proof that it took effect; empty without one."""
        return self._proof("receipt")

    @property
    def standing(self) -> str:
        """What is known of it, in words."""
        if self.received is None:
            return "no receipt: nobody knows whether it took effect"
        if self.healed is None:
            return "took effect, never seen healed"
        return "took effect, healed"

    def _when(self, stage: str) -> float | None:
        return next((op.completed for op in self.stages if _stage(op) == stage), None)

    def _proof(self, stage: str) -> Mapping[str, Json]:
        proofs = (op.value.get("proof") for op in self.stages if _stage(op) == stage)
        return next((proof for proof in proofs if isinstance(proof, Mapping)), {})


def breaks(history: History) -> tuple[Break, ...]:
    """Put the fault Ops together: a stage seen again begins another injection."""
    found: list[list[Op]] = []
    for op in history.of("fault"):
        mine = _open(found, op)
        if mine is None:
            found.append([op])
        else:
            mine.append(op)
    return tuple(Break(tuple(ops)) for ops in found)


def shown(found: Iterable[Break]) -> int:
    """Count those with a receipt."""
    return sum(one.received is not None for one in found)


def _open(found: list[list[Op]], op: Op) -> list[Op] | None:
    same = [ops for ops in found if _key(ops[0]) == _key(op)]
    if not same or _stage(op) in {_stage(before) for before in same[-1]}:
        return None
    return same[-1]


def _key(op: Op) -> tuple[Json, Json]:
    return op.value.get("fault"), op.value.get("ordinal")


def _stage(op: Op) -> str:
    return str(op.value.get("stage", ""))


def _named(value: Mapping[str, Json]) -> str:
    proof = value.get("proof")
    inner = proof.get("target") if isinstance(proof, Mapping) else None
    for said in (value.get("target"), inner, proof):
        if isinstance(said, str) and said:
            return said
        if isinstance(said, Mapping) and (said.get("pod") or said.get("node")):
            return str(said.get("pod") or said.get("node"))
    return ""
