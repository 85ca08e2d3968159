"""Likely causes of members on one node: what the set asks of the scheduler.

May import: checks.cases.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.checks.cases import Case


def drawn(case: Case) -> Iterator[str]:
    """Name an affinity that draws members together, or that nothing keeps them apart."""
    if case.declared.get("together") == "drawn":
        yield "`podAffinity` in the pod template draws pods to the node where others of them are"
    if case.declared.get("together") == "":
        yield (
            "neither `podAntiAffinity` nor `topologySpreadConstraints` in the pod template: "
            "nothing but the scheduler's own mild preference keeps members apart"
        )
