"""The guarantees of the family recovery: how a lost member comes back.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import elsewhere, failures, recovery, returned, schedules
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "recovery.six-stages",
        "backup, node lost with its disk, stuck pods cleared, rescheduled off the dead node, "
        "newest snapshot restored, serving as the same ordinal; seconds a stage",
        "https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/"
        "#non-graceful-node-shutdown",
        "the node of a member is killed and its disk is gone, under load, after a backup",
        ("node-lost",),
        recovery.six_stages,
        drill="node-loss",
    ),
    Guarantee(
        "recovery.watermark",
        "a backup holds all that was acknowledged before it began and nothing begun after it "
        "ended, and reaches its own watermark",
        "https://github.com/vmware-tanzu/velero/issues/4268",
        "a member is backed up under load and the snapshot restored elsewhere and read",
        ("restore-elsewhere",),
        elsewhere.watermark,
    ),
    Guarantee(
        "recovery.encrypted",
        "an acknowledged record is not readable in the repository; another key fails and says so",
        "https://restic.readthedocs.io/en/stable/100_references.html#threat-model",
        "all that the repository gives is searched for a record; a restore with another key",
        ("restore-elsewhere",),
        elsewhere.encrypted,
    ),
    Guarantee(
        "recovery.once",
        "of many requests for one claim one is restored, also when its agent is ended at it; "
        "none is left",
        "https://github.com/backube/volsync/issues/1211",
        "twenty requests for one new claim, and the agent's pod is deleted",
        ("restore-elsewhere",),
        elsewhere.once,
    ),
    Guarantee(
        "recovery.new-service",
        "a snapshot restores whole into a claim of another name: as many files and bytes as its "
        "record says, all as of one moment where its policy holds the member still",
        "https://velero.io/docs/main/migration-case/",
        "a snapshot is restored into a new claim beside the original",
        ("restore-elsewhere",),
        elsewhere.new_service,
    ),
    Guarantee(
        "recovery.fails-loudly",
        "with the store away no backup is called complete, a failure says why, and the next one "
        "after it succeeds",
        "https://github.com/k8up-io/k8up/issues/910",
        "the Service of the store leads nowhere, and a backup is asked for",
        ("backup-store-down",),
        failures.fails_loudly,
    ),
    Guarantee(
        "recovery.provisioning",
        "a claim gets its directory by a helper pod that is gone afterwards",
        "https://github.com/rancher/local-path-provisioner",
        "the volumes of the members are made; a new claim beside them",
        ("restore-elsewhere",),
        failures.provisioning,
    ),
    Guarantee(
        "recovery.stale-return",
        "a node that was given up comes back with its old disk, and nothing of it comes to life: "
        "no claim has it, nobody could claim it, no write that was lost with it is back",
        "https://github.com/rancher/local-path-provisioner/issues/31",
        "the node of a member is kept dead until the member serves elsewhere from its backup, and "
        "is started again with its disk",
        ("node-stale-return",),
        returned.stale_return,
        drill="disk-return",
    ),
    Guarantee(
        "recovery.scheduled",
        "a policy that changes is followed while its pod lives, each backup at most T late; one "
        "that is dropped ends, one that is malformed is told and makes none",
        "https://velero.io/docs/main/backup-reference/",
        "a member's period is shortened, dropped, made malformed and given back",
        ("backup-policy-change",),
        schedules.scheduled,
    ),
)
