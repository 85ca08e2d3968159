"""Likely causes of what clients were told wrongly: who answers them, and from what.

May import: checks.{cases,drifts}.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.checks.cases import Case
from seatrial.checks.drifts import receipts


def door(case: Case) -> Iterator[str]:
    """Name the container that stands before the member's own program."""
    if other := case.declared.get("door"):
        yield (
            f"clients are answered by the container `{other}`, which stands between them and the "
            "member's own program"
        )


def own_copy(case: Case) -> Iterator[str]:
    """Name the member that was cut off and answered reads all the same."""
    cut = {op.value["ordinal"] for op in receipts(case.history, "partition")}
    ops = {op.index: op for op in case.history.ops}
    shown = (ops[index] for index in case.verdict.evidence if index in ops)
    for member in sorted({op.value["member"] for op in shown if op.value.get("f") == "read"} & cut):
        yield (
            f"member {member} was cut off from its peers: it answers reads from its own copy, "
            "without asking them whether that is the newest"
        )
