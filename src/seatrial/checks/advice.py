"""Advice: the likely cause of a broken guarantee, from what was declared and what was seen.

The verdict stands without it: a cause is likely, the breach is proved. Each piece of advice is one
sentence; none is given where nothing points to one.
May import: model, checks.*.
Source: kubernetes.io, StatefulSets; each cause is the documented effect of what it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.checks import (
    alive,
    causes,
    connecting,
    outdoors,
    recovery_advice,
    served,
    settings_advice,
    stacked,
)
from seatrial.checks.cases import Case, Rule
from seatrial.checks.configured import uncopied
from seatrial.checks.intervals import Tenure, ordinals
from seatrial.checks.lives import lives
from seatrial.checks.lost_claims import stays
from seatrial.checks.turns import bound, ready
from seatrial.model import History, Standing, Verdict

_LABEL = "apps.kubernetes.io/pod-index"
_GOES = {
    "emptyDir": "an `emptyDir`, which goes with the pod",
    "ephemeral": "a generic ephemeral volume, whose claim belongs to the pod and goes with it",
}


def advise(history: History, verdict: Verdict) -> tuple[str, ...]:
    """Name likely causes of a broken verdict, the likeliest first; nothing for any other."""
    if verdict.verdict is not Standing.BROKEN:
        return ()
    declared = next((op.value for op in history.of("declared")), {})
    case = Case(history, verdict, declared)
    rules = (rule for start, rule in _RULES if verdict.guarantee.startswith(start))
    return tuple(dict.fromkeys(said for rule in rules for said in rule(case)))


def _hostname(case: Case) -> Iterator[str]:
    named = case.declared.get("hostname", {})
    if named.get("fqdn"):
        yield (
            "`setHostnameAsFQDN: true` in the pod template: a member's hostname is then its whole "
            "DNS name"
        )
    if named.get("own"):
        yield f"`hostname: {named['own']}` in the pod template gives every member the same name"


def _service(case: Case) -> Iterator[str]:
    name, services = case.declared.get("service"), case.declared.get("services", {})
    if name is None:
        return
    if name not in services:
        yield (
            f"`serviceName: {name}` names no Service of the manifests, so DNS has no names of "
            "members"
        )
    elif not services[name]["headless"]:
        yield f"Service `{name}` has a cluster IP: only a headless one gives members names"
    elif not services[name]["unready_too"]:
        yield (
            f"`publishNotReadyAddresses` is not set in Service `{name}`: a member has no name "
            "until it is Ready"
        )


def _forced(case: Case) -> Iterator[str]:
    for ordinal, held in ordinals(case.history).items():
        own = lives(case.history).get(ordinal, ())
        for tenure in held:
            ran = [life.until for life in own if life.uid == tenure.uid]
            if tenure.until and ran and (late := max(ran) - tenure.until.seconds) > 1:
                yield (
                    f"{tenure.pod} was gone from the API server {late:.1f} s before its container "
                    f"on {tenure.node} ended: its pod was deleted by force (grace period 0) while "
                    "nobody could know that it had ended"
                )


def _index(case: Case) -> Iterator[str]:
    for held in ordinals(case.history).values():
        if any(_rewritten(tenure) for tenure in held):
            yield (
                f"the label `{_LABEL}` was right at first and changed later: the StatefulSet "
                "controller puts the pod-name label right again, but not this one, so whoever "
                "writes it wins"
            )


def _rewritten(tenure: Tenure) -> bool:
    told = [op.value.get("labels", {}).get(_LABEL) for op in tenure.ops]
    return told[0] == str(tenure.ordinal) and any(one != told[0] for one in told)


def _disk(case: Case) -> Iterator[str]:
    """Name what the members' data lie on, where it is nothing that stays with the ordinal."""
    templates, volumes = case.declared.get("templates"), case.declared.get("volumes", {})
    mounts = case.declared.get("mounts", {})
    for path, name in mounts.items():
        kind, _, claim = volumes.get(name, "").partition(" ")
        if kind in _GOES:
            yield f"volume `{name}` at {path} is {_GOES[kind]}; the set has no template for it"
        if claim:
            yield f"volume `{name}` at {path} is the one claim `{claim}` for all members"
    if case.declared and not templates and not volumes:
        yield "the set has no `volumeClaimTemplates`, so members have no disk that stays"


def _retention(case: Case) -> Iterator[str]:
    policy = case.declared.get("retention", {})
    for key, when in (("whenScaled", "scaled away"), ("whenDeleted", "deleted with its set")):
        if policy.get(key) == "Delete":
            yield (
                f"`{key}: Delete` in the claim retention policy of the set: the claim of a member "
                f"that is {when} goes with it"
            )


def _reclaims(case: Case) -> Iterator[str]:
    bounds = case.history.head.get("profile", {}).get("bounds", {}).get("storage.reclaim", {})
    for name, number in bounds.items():
        if number:
            yield (
                f"`storage.reclaim: {{{name}: {number:g}}}` in the profile declares another policy "
                "than the storage class has"
            )


def _went(case: Case) -> Iterator[str]:
    policy, templates = case.declared.get("retention", {}), case.declared.get("templates", ())
    kept = [f"{template}-{case.declared['set']}-" for template in templates]
    went = any(
        op.value["event"] == "DELETED" and op.value["name"].startswith(tuple(kept))
        for op in case.history.of("claim")
    )
    if went and {*policy.values()} == {"Retain"}:
        yield (
            "where the retention policy says Retain the StatefulSet controller gives a claim no "
            "owner: one that went all the same was deleted, or given an owner, by somebody else"
        )


def _order(case: Case) -> Iterator[str]:
    policy, claimed = case.declared.get("policy"), _claims_parallel(case)
    if claimed and policy == "OrderedReady":
        yield (
            "the profile claims that members are made and ended all at once, and the set says "
            "`podManagementPolicy: OrderedReady`"
        )
    elif claimed and policy:
        yield f"somebody holds members up: the set says `podManagementPolicy: {policy}`"
    elif policy == "Parallel":
        yield ("`podManagementPolicy: Parallel` in the set: members are made and ended all at once")
    elif case.declared.get("strategy") == "OnDelete" and "update" in case.verdict.guarantee:
        yield "`updateStrategy: OnDelete` in the set: members are updated by whoever deletes them"
    elif policy:
        yield (
            f"`podManagementPolicy` is {policy}, and the StatefulSet controller keeps that order: "
            "somebody else deletes members; the API server's audit log says who"
            + _culprit(case.declared)
        )


def _claims_parallel(case: Case) -> bool:
    return bool(bound(case.history, case.verdict.guarantee, "parallel"))


def _probe(case: Case) -> Iterator[str]:
    if case.declared.get("probed") is False:
        yield (
            "the container has no `readinessProbe`: a member counts as Ready as soon as it runs, "
            "whether it serves or not"
        )


def _budget(case: Case) -> Iterator[str]:
    budgets = case.declared.get("budgets")
    for name, selects in (budgets or {}).items():
        if not selects:
            yield f"PodDisruptionBudget `{name}` selects no pod of the set"
    if budgets == {}:
        yield "the manifests have no PodDisruptionBudget"


def _unlabelled(case: Case) -> Iterator[str]:
    wanted = set(case.declared.get("labels", {}).items())
    for held in ordinals(case.history).values():
        for tenure in held:
            kept = [wanted <= {*op.value.get("labels", {}).items()} for op in tenure.ops]
            if kept and kept[0] and not all(kept):
                yield (
                    f"a label that the set's selector asks for was taken off {tenure.pod} while "
                    "it was nobody's"
                )


def _empty(case: Case) -> Iterator[str]:
    for stay in stays(case.history):
        if served := [pod for pod in stay.pods if ready(pod)]:
            yield (
                f"{served[0].pod} was Ready on the claim made again: neither it nor its peers ask "
                "whether its disk is the one that it had, and its readiness probe says Ready as "
                "soon as it serves"
            )


def _culprit(declared: Mapping[str, Any]) -> str:
    name = declared.get("controller")
    return f" (`{name}` ran beside this trial)" if name else ""


def _early(case: Case) -> Iterator[str]:
    lost, tail = case.verdict.figures.get("lost"), case.verdict.figures.get("tail")
    if lost and tail:
        yield (
            f"{tail} of {lost} lost writes are the last ones acknowledged before a member ended: "
            "it acknowledges before they are on the disk"
        )


def _program(case: Case) -> Iterator[str]:
    if program := " ".join(case.declared.get("program", ())):
        yield f"the members do not run their image's own program, but `{program}`"


_RULES: tuple[tuple[str, Rule], ...] = (
    ("identity.hostname", _hostname),
    ("identity.dns", _service),
    ("identity.at-most-one", _forced),
    ("identity.labels", _index),
    ("storage.kept", _retention),
    ("storage.reattached", _retention),
    ("storage.retention", _retention),
    ("storage.retention", _went),
    ("storage.reattached", _went),
    ("storage.kept", _went),
    ("storage.reclaim", _reclaims),
    ("storage.", _disk),
    ("storage.durable", _program),
    ("storage.synced", _program),
    ("storage.claim-lost", _empty),
    ("identity.one-cluster", _program),
    ("ordering.broken-update", _probe),
    ("ordering.disruption-budget", _budget),
    ("ordering.adopt", _unlabelled),
    ("ordering.graceful-stop", alive.deaf),
    ("ordering.graceful-stop", _program),
    ("ordering.deploy", _order),
    ("ordering.scale", _order),
    ("ordering.rolling-update", _order),
    ("ordering.broken-update", _order),
    ("durability.acknowledged", _retention),
    ("durability.acknowledged", _disk),
    ("durability.acknowledged", _early),
    ("durability.acknowledged", _program),
    ("durability.register", served.own_copy),
    ("durability.session", served.own_copy),
    ("durability.register", served.door),
    ("durability.bank", served.door),
    ("durability.session", served.door),
    ("identity.member-id", _program),
    ("topology.", _program),
    ("topology.spread", stacked.drawn),
    ("topology.membership", alive.never_leaves),
    ("availability.", alive.unasked),
    ("availability.deadlock", alive.shallow),
    ("availability.budget", _program),
    ("availability.sidecar", alive.leaning),
    ("availability.sidecar", _program),
    ("recovery.", recovery_advice.causes),
    ("connection.", lambda case: connecting.causes(case.history, case.verdict, case.declared)),
    ("config.survives-drift", _program),
    ("config.", settings_advice.causes),
    ("network.", outdoors.cause),
    ("config.center", lambda case: uncopied(case.history)),
    ("session.", lambda case: causes.of_sessions(case.declared, case.verdict)),
)
"""By the beginning of a guarantee's id: who may know a cause, in the order they are asked."""
