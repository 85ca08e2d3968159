"""Tells the histories of backups: copied elsewhere, without a store, under a changing policy.

Each bad one has one planted defect, which its Op 0 names (`breaks`). See tell.py.
`python tests/histories/tell_recovery.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial import history
from seatrial.checks.failures import HELPER
from seatrial.testing import Story
from seatrial.testing.copying import Changed, Copied, tells_store_down
from seatrial.testing.reviving import Returned

HERE = Path(__file__).parent


def helped(*breaks: str) -> Story:
    """A volume's directory is made by a helper pod; it stays where that is the defect."""
    run = Copied(breaks=breaks).story()
    about = {"name": "xlss-make-1", "uid": "helper", "node": "worker-0", "deleting": False}
    labels = {HELPER: run.claims[0]["volume"]}
    for event in ("ADDED",) if breaks else ("ADDED", "DELETED"):
        run.rv += 1
        told = {**about, "labels": labels, "event": event, "rv": run.rv, "ready": False}
        run.says("watch/pods", "pod", {**told, "claims": [], "containers": {}, "ip": ""})
    run.claim(0, "MODIFIED")
    return run


TOLD: dict[str, Callable[[], Story]] = {
    "good/copied-elsewhere": helped,
    "bad/more-promised": lambda: Copied(promises=2, breaks=["recovery.watermark"]).story(),
    "bad/plain-beside": lambda: Copied(found=["data/aa"], breaks=["recovery.encrypted"]).story(),
    "bad/requests-left": lambda: Copied(left=19, breaks=["recovery.once"]).story(),
    "bad/volume-named": lambda: Copied(top="var", breaks=["recovery.new-service"]).story(),
    "bad/copy-torn": lambda: Copied(torn=1, breaks=["recovery.new-service"]).story(),
    "good/failed-loudly": tells_store_down,
    "bad/failed-silently": lambda: tells_store_down(
        phase="Complete", breaks=["recovery.fails-loudly"]
    ),
    "good/disk-returned": lambda: Returned(lost=0).story(),
    "bad/left-claimable": lambda: Returned(
        lost=0, claimable=True, breaks=["recovery.stale-return"]
    ).story(),
    "good/policy-followed": lambda: Changed().story(),
    "bad/policy-read-once": lambda: Changed(
        quick=[3.0, 8.0, 13.0, 18.0],
        dropped=[4.0],
        malformed=[2.0],
        said="",
        breaks=["recovery.scheduled"],
    ).story(),
    "bad/helper-left": lambda: helped("recovery.provisioning"),
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
