"""Rows of the table of faults: what is asked of whoever backs members up.

May import: faults.*.
"""

from __future__ import annotations

from seatrial.faults import backup_store_down, policy_change, restore_elsewhere
from seatrial.faults.row import Fault

_CONTRACT = {
    "kind": "can, where the workload is backed up by docs/recovery.md",
    "existing": "can, in a namespace of ours",
}

OF_RECOVERY = (
    Fault(
        "restore-elsewhere",
        "a member is backed up under load and its snapshot restored into a new claim: twenty "
        "requests, the agent ended in the middle, the repository searched, another key tried",
        "https://restic.readthedocs.io/en/stable/050_restore.html",
        restore_elsewhere.inject,
        _CONTRACT,
        restore_elsewhere.undo,
    ),
    Fault(
        "backup-store-down",
        "nobody reaches the store of the backups by its Service, and a backup is asked for",
        "https://kubernetes.io/docs/concepts/services-networking/service/",
        backup_store_down.inject,
        _CONTRACT,
        backup_store_down.undo,
    ),
    Fault(
        "backup-policy-change",
        "the period of a member's backups is shortened, dropped, made malformed and given back, "
        "while it lives",
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/",
        policy_change.inject,
        _CONTRACT,
        policy_change.undo,
    ),
)
