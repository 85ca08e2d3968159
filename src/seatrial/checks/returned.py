"""Whether a disk that was given up brings old data to life when its node comes back.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.ledger import attempts, final_reads
from seatrial.checks.sight import drill_trouble, driver_lost, gaps
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

RETURN = "node-stale-return"
NOTHING = "no node came back with an old disk, so nothing was shown"
_STALE = "recovery.stale-return"


def stale_return(history: History) -> Verdict:
    """Judge recovery.stale-return: the old disk is there again, and nothing of it is used.

    The member had come back from a snapshot on another node. Broken when a claim is bound to the
    volume on the old disk again, when that volume or another one of the returned node is left for
    anybody to claim, when a pod of the member runs there a second time, or when the final reading
    has a write that was acknowledged after the snapshot and before the loss. Unknown without
    receipt or healing, when nothing was restored (the old volume went along), when the member's
    directory does not lie on the disk that came back, or without the final reading. Figures:
    returns, gone (writes that were lost with the disk), resurrected.
    Source: GUARANTEES, recovery; rancher/local-path-provisioner #31.
    """
    done = receipts(history, RETURN)
    figures: dict[str, Json] = {"returns": len(done), "gone": 0, "resurrected": 0}
    found = [one for op in done for one in _judged(history, op, figures)]
    praise = (
        f"{figures['returns']} old disks came back and nobody uses them; of {figures['gone']} "
        "writes that were lost with them none is back"
    )
    absent = unshown(history, RETURN, NOTHING) or driver_lost(history)
    if trouble := drill_trouble(history):
        absent = absent or f"in the drill {trouble}"
    return settled(_STALE, found, praise, figures, NOTHING, absent)


def _judged(history: History, receipt: Op, figures: dict[str, Json]) -> Iterator[Finding]:
    proof, healed = receipt.value["proof"], healing(history, receipt)
    yield from _claimed(history, receipt)
    yield from _claimable(history, receipt)
    for kind in ("claim", "volume", "pod"):
        for gap in gaps(history, kind):
            reason = f"the watch of {kind}s has a gap: {gap.value.get('reason', '')}"
            yield Finding(Standing.UNKNOWN, reason, (receipt, gap))
    if healed is None:
        yield Finding(Standing.UNKNOWN, "the node was not seen to be back", (receipt,))
        return
    if not proof.get("restored"):
        reason = "the member went on with the volume that it had: no disk was given up"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
        return
    lies = [folder for folder in healed.value["proof"]["data"] if _of(folder, proof["had"])]
    if not lies:
        reason = f"nothing of {', '.join(proof['had'])} lies on the disk that came back"
        yield Finding(Standing.UNKNOWN, reason, (receipt, healed))
    yield from _twice(history, receipt, healed)
    yield from _resurrected(history, receipt, figures)
    if lies:
        yield Finding(Standing.HOLDS, ops=(receipt, healed))


def _of(folder: str, volumes: Sequence[str]) -> bool:
    return folder.partition("_")[0] in volumes


def _claimed(history: History, receipt: Op) -> Iterator[Finding]:
    """Find a claim that is bound to the old volume after the member came back without it."""
    proof = receipt.value["proof"]
    old = {*proof["had"]} - {*proof["has"]}
    for op in history.of("claim"):
        after = op.index > receipt.index and op.value["event"] != "DELETED"
        if after and op.value.get("volume") in old:
            reason = f"claim {op.value['name']} is bound to {op.value['volume']}, on the old disk"
            yield Finding(Standing.BROKEN, reason, (receipt, op))
            return


def _claimable(history: History, receipt: Op) -> Iterator[Finding]:
    """Find a volume of the returned node that anybody could claim in the end."""
    proof, start = receipt.value["proof"], began(history, receipt).index
    node, last = proof["node"], {op.value["uid"]: op for op in history.of("volume")}
    before = {op.value["uid"] for op in history.of("volume") if op.index < start}
    for op in last.values():
        # One that stood there before, and was not the member's, is somebody else's business.
        if op.value["uid"] in before and op.value["name"] not in proof["had"]:
            continue
        there = op.value["event"] != "DELETED" and op.value.get("node") == node
        if there and op.value.get("phase") == "Available":
            reason = (
                f"volume {op.value['name']} of {node}, whose disk is old, is left to be claimed"
            )
            yield Finding(Standing.BROKEN, reason, (receipt, op))


def _twice(history: History, receipt: Op, healed: Op) -> Iterator[Finding]:
    """Find a pod of the member on the returned node that is not the one which serves."""
    proof, now = receipt.value["proof"], healed.value["proof"]
    for op in history.of("pod"):
        value = op.value
        same = value["name"] == proof["pod"] and value.get("node") == proof["node"]
        other = value["uid"] not in {proof["uid"], now["uid"]}
        if op.index > receipt.index and same and other and value["event"] != "DELETED":
            reason = f"{value['name']} ran on {proof['node']} again, where its old disk is"
            yield Finding(Standing.BROKEN, reason, (receipt, op))
            return


def _resurrected(history: History, receipt: Op, figures: dict[str, Json]) -> Iterator[Finding]:
    member, restored = receipt.value["ordinal"], receipt.value["proof"]["restored"]
    read = next((one for one in final_reads(history) if one.member == member), None)
    backup = _snapshot(history, restored)
    if backup is None or read is None or not read.whole:
        reason = "the member was not read to its end" if backup else "its backup was not told"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
        return
    held = {(writer, seq, crc) for writer, seq, crc, _ in read.records}
    gone = [*_lost(history, receipt, backup)]
    back = [
        one for one in gone if (one.value["writer"], one.value["seq"], one.value["crc"]) in held
    ]
    figures["gone"] = int(str(figures["gone"])) + len(gone)
    figures["resurrected"] = int(str(figures["resurrected"])) + len(back)
    if back:
        reason = f"{len(back)} writes that were lost with the disk are there again, first seq "
        reason += f"{back[0].value['seq']} of {back[0].value['writer']}"
        yield Finding(Standing.BROKEN, reason, (receipt, backup, back[0]))


def _lost(history: History, receipt: Op, backup: Op) -> Iterator[Op]:
    """Give the writes that were begun after the snapshot and acknowledged before the loss."""
    start, member = began(history, receipt).completed, receipt.value["ordinal"]
    places = {op.index: op for op in history.of("write")}
    for one in attempts(history):
        op = places.get(one.op)
        if op is None or one.member != member or one.outcome is not Outcome.OK:
            continue
        after = op.invoked - op.error > backup.completed + backup.error
        if after and op.completed + op.error < start:
            yield op


def _snapshot(history: History, restored: Mapping[str, Any]) -> Op | None:
    told = (op for op in history.of("backup") if op.value["snapshot"] == restored["snapshot"])
    return next((op for op in told if op.outcome is Outcome.OK), None)
