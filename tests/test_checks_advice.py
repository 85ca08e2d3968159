"""The sentences of advice, each for the one fact of a manifest that it is said for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.checks.advice import advise
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story


def said(guarantee: str, facts: dict[str, Any]) -> tuple[str, ...]:
    ops = Story().history().ops
    told = Op("run", "declared", Outcome.OK, 0.0, 0.0, facts, index=len(ops))
    return advise(History((*ops, told)), Verdict(guarantee, Standing.BROKEN, "it is"))


def service(**how: bool) -> dict[str, Any]:
    return {"service": "s", "services": {"s": {"headless": True, "unready_too": True, **how}}}


def alive(kind: str, *program: str) -> dict[str, Any]:
    return {"alive": {"kind": kind, "program": list(program), "path": ""}}


def given(**how: Any) -> dict[str, Any]:
    about = {"subpaths": {}, "live": ["k"], "never": [], "immutable": False, **how}
    return {"given": {"configmap/c": about}}


FQDN = (
    "`setHostnameAsFQDN: true` in the pod template: a member's hostname is then its whole DNS name"
)
OWN = "`hostname: me` in the pod template gives every member the same name"
TMP = "volume `d` at /d is an `emptyDir`, which goes with the pod; the set has no template for it"
EPHEMERAL = (
    "volume `d` at /d is a generic ephemeral volume, whose claim belongs to the pod and goes with "
    "it; the set has no template for it"
)
DISKLESS = "the set has no `volumeClaimTemplates`, so members have no disk that stays"
POLICY = "in the claim retention policy of the set: the claim of a member that is"
SHELL = (
    "the first process of the container is a shell (`{}`): as PID 1 it ignores SIGTERM and passes "
    "it on to nobody; `exec` makes the program itself the first"
)
NOT_OWN = "the members do not run their image's own program, but `{}`"
ALWAYS = "its liveness probe is the program `{}`, which always says yes and asks nobody"
SHARED = "somebody else deletes members; the API server's audit log says who"
ORDERED = (
    "`podManagementPolicy` is OrderedReady, and the StatefulSet controller keeps that order: "
    + SHARED
)
UNREADY = (
    "`publishNotReadyAddresses` is not set in Service `s`: a member has no name until it is Ready"
)
UNPROBED = (
    "the container has no `readinessProbe`: a member counts as Ready as soon as it runs, whether "
    "it serves or not"
)
NEAR = (
    "neither `podAntiAffinity` nor `topologySpreadConstraints` in the pod template: nothing but "
    "the scheduler's own mild preference keeps members apart"
)
OPENS = (
    "its liveness probe only opens a TCP connection: the kernel accepts it for a process that "
    "stands still"
)
DOOR = (
    "clients are answered by the container `gateway`, which stands between them and the member's "
    "own program"
)
FROZEN = (
    "`k` of configmap/c is mounted at /k by `subPath`: no change of it reaches a container that "
    "runs"
)
OWN_COPY = (
    "member 1 was cut off from its peers: it answers reads from its own copy, without asking them "
    "whether that is the newest"
)
SENTENCES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("identity.hostname", {"hostname": {"fqdn": True, "own": ""}}, (FQDN,)),
    ("identity.hostname", {"hostname": {"own": "me"}}, (OWN,)),
    ("identity.hostname", {"set": "ledger"}, ()),
    (
        "identity.dns",
        {"service": "s"},
        ("`serviceName: s` names no Service of the manifests, so DNS has no names of members",),
    ),
    (
        "identity.dns",
        service(headless=False),
        ("Service `s` has a cluster IP: only a headless one gives members names",),
    ),
    (
        "identity.dns",
        service(unready_too=False),
        (UNREADY,),
    ),
    ("identity.dns", service(), ()),
    ("identity.dns", {"services": {}}, ()),
    ("storage.x", {"mounts": {"/d": "d"}, "volumes": {"d": "emptyDir"}}, (TMP,)),
    ("storage.x", {"mounts": {"/d": "d"}, "volumes": {"d": "ephemeral"}}, (EPHEMERAL,)),
    (
        "storage.x",
        {"mounts": {"/d": "d"}, "volumes": {"d": "claim c"}},
        ("volume `d` at /d is the one claim `c` for all members",),
    ),
    ("storage.x", {"mounts": {"/d": "data"}, "templates": ["data"]}, ()),
    ("storage.x", {"volumes": {"config": "configMap"}}, ()),
    ("storage.x", {"set": "ledger"}, (DISKLESS,)),
    (
        "durability.acknowledged",
        {"retention": {"whenScaled": "Delete", "whenDeleted": "Delete"}, "templates": ["d"]},
        (
            f"`whenScaled: Delete` {POLICY} scaled away goes with it",
            f"`whenDeleted: Delete` {POLICY} deleted with its set goes with it",
        ),
    ),
    ("durability.acknowledged", {"templates": ["d"]}, ()),
    ("ordering.graceful-stop", {"program": ["sh", "-c", "exec serve"]}, (
        NOT_OWN.format("sh -c exec serve"),
    )),
    ("ordering.graceful-stop", {"program": ["/bin/bash", "run"]}, (
        SHELL.format("/bin/bash run"), NOT_OWN.format("/bin/bash run"),
    )),
    ("ordering.graceful-stop", {"program": ["push", "on"]}, (NOT_OWN.format("push on"),)),
    ("ordering.graceful-stop", {"set": "ledger"}, ()),
    ("ordering.disruption-budget", {"budgets": {}}, (
        "the manifests have no PodDisruptionBudget",
    )),
    ("ordering.disruption-budget", {"budgets": {"a": 0, "b": 3}}, (
        "PodDisruptionBudget `a` selects no pod of the set",
    )),
    ("ordering.disruption-budget", {"set": "ledger"}, ()),
    ("ordering.broken-update", {"probed": False}, (UNPROBED,)),
    ("ordering.broken-update", {"probed": True}, ()),
    ("ordering.deploy", {"policy": "OrderedReady"}, (ORDERED,)),
    ("ordering.deploy", {"policy": "OrderedReady", "controller": "mine.py"}, (
        f"{ORDERED} (`mine.py` ran beside this trial)",
    )),
    ("ordering.deploy", {"policy": "Parallel"}, (
        "`podManagementPolicy: Parallel` in the set: members are made and ended all at once",
    )),
    ("ordering.deploy", {"policy": "OrderedReady", "strategy": "OnDelete"}, (ORDERED,)),
    ("ordering.rolling-update", {"policy": "OrderedReady", "strategy": "OnDelete"}, (
        "`updateStrategy: OnDelete` in the set: members are updated by whoever deletes them",
    )),
    ("ordering.rolling-update", {"policy": "OrderedReady", "strategy": "RollingUpdate"}, (
        ORDERED,
    )),
    ("topology.spread", {"together": "drawn"}, (
        "`podAffinity` in the pod template draws pods to the node where others of them are",
    )),
    ("topology.spread", {"together": ""}, (NEAR,)),
    ("topology.spread", {"together": "apart"}, ()),
    ("availability.x", alive(""), (
        "the container has no `livenessProbe`: a process that stands still is not started again",
    )),
    ("availability.x", alive("tcpSocket"), (OPENS,)),
    ("availability.x", alive("exec", "/usr/bin/true"), (ALWAYS.format("/usr/bin/true"),)),
    ("availability.x", alive("exec", "sh", "-c", ":"), (ALWAYS.format("sh -c :"),)),
    ("availability.x", alive("exec", "true", "healthy"), ()),
    ("availability.x", alive("httpGet"), ()),
    ("durability.bank", {"door": "gateway"}, (DOOR,)),
    ("config.propagates", given(subpaths={"k": "/k", "once": "/once"}), (FROZEN,)),
    ("config.immutable", given(never=["k"]), (
        "configmap/c has no `immutable: true`: whoever may write to it may change it in place",
    )),
    ("config.immutable", given(never=["k"], immutable=True), ()),
    ("config.immutable", given(), ()),
    ("availability.deadlock", {"alive": {**alive("httpGet")["alive"], "path": "/healthz"}}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("guarantee", "facts", "sentences"), SENTENCES)
def test_each_fact_of_a_manifest_has_its_own_sentence_and_no_other(guarantee, facts, sentences):
    assert said(guarantee, facts) == sentences


def test_a_member_that_was_cut_off_and_read_is_named_and_one_that_was_deleted_is_not():
    """Both are in the evidence; so is a write, and a third member that nothing was done to."""
    told: list[tuple[str, dict[str, Any]]] = [
        ("fault", {"fault": "partition", "ordinal": 1, "stage": "receipt"}),
        ("fault", {"fault": "pod-delete", "ordinal": 2, "stage": "receipt"}),
        *(("register", {"f": "read", "member": member}) for member in (0, 1, 2)),
        ("register", {"f": "write", "member": 1}),
    ]
    ops = [Op("run", what, Outcome.OK, 0.0, 0.0, of) for what, of in told]
    run = History(tuple(replace(op, index=at) for at, op in enumerate(ops)))
    broken = Verdict("durability.register", Standing.BROKEN, "it is", tuple(range(len(ops))))
    assert advise(run, broken) == (OWN_COPY,)
