"""The steps of a trial's plan as a shell script would take them: kubectl, `kubectl wait` between.

The peer of a trial's seconds. It does to the workload what the trial does, deploys the same pods,
asks members the same questions inside their containers, watches as long that nothing moves, and
judges nothing. It writes no load, reads no ledger and asks no DNS server: that is our part.
Source: kubernetes.io, `kubectl wait`, `kubectl rollout status`, `kubectl scale`.
May import: everything a doorway may.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from seatrial import command
from seatrial.errors import ToolFailed
from seatrial.faults import broken_update, rolling_update, unready_scale_down
from seatrial.faults.sets import stripped
from seatrial.model import Plan, Profile
from seatrial.plan import OF_THE_SET
from seatrial.timing import limit

_LONGEST = "--timeout=300s"
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Undertaking:
    """What a chain does: a plan, and what is deployed first.

    `documents` are the workload's objects, then the driver's, as a trial applies them.
    """

    plan: Plan
    profile: Profile
    documents: Sequence[Document]
    driver: Sequence[Document]


@dataclass(frozen=True)
class Shell:
    """kubectl in the namespace of one chain."""

    kubectl: tuple[str, ...]
    namespace: str
    profile: Profile

    def run(self, *words: str, document: object = None) -> str:
        """Run one kubectl; `document` goes to its standard input."""
        stdin = None if document is None else json.dumps(document).encode()
        argv = [*self.kubectl, "--namespace", self.namespace, *words]
        return command.run(argv, stdin=stdin, limit=360)

    def wait(self, what: str, until: str) -> None:
        """Wait until an object is as said."""
        self.run("wait", what, f"--for={until}", _LONGEST)

    def pod(self, ordinal: int) -> str:
        """Name a member's pod."""
        return f"pod/{self.profile.set}-{ordinal}"

    @property
    def set(self) -> str:
        """Name the set."""
        return f"statefulset/{self.profile.set}"

    @property
    def top(self) -> int:
        """The highest ordinal."""
        return self.profile.ordinals[-1]

    def patch(self, what: str, change: object) -> None:
        """Merge a change into an object."""
        self.run("patch", what, "--type=merge", "--patch", json.dumps(change))

    def scale(self, replicas: int) -> None:
        """Ask for so many members."""
        self.run("scale", self.set, f"--replicas={replicas}")

    def back(self, *ordinals: int) -> None:
        """Wait until these members are made and Ready."""
        for ordinal in ordinals:
            self.wait(self.pod(ordinal), "create")
            self.wait(self.pod(ordinal), "condition=Ready")

    def gone(self, *ordinals: int) -> None:
        """Wait until each of these pods is gone."""
        for ordinal in ordinals:
            self.wait(self.pod(ordinal), "delete")

    def replaced(self, *ordinals: int) -> None:
        """Wait until each of these pods is gone, then until all are back."""
        self.gone(*ordinals)
        self.back(*ordinals)

    def counted(self, field: str, value: int) -> None:
        """Wait until a field of the set says a number."""
        self.wait(self.set, f"jsonpath={{{field}}}={value}")

    def still(self, name: str = "a halt is watched") -> None:
        """Let the time pass in which nothing may move, as the trial does."""
        never, patience = f"--for=jsonpath={{.metadata.name}}={name}", limit(name).seconds
        with suppress(ToolFailed):
            self.run("wait", self.set, never, f"--timeout={patience:g}s")


def pod_delete(shell: Shell, ordinal: int) -> None:
    """As faults.pod_delete."""
    shell.run("delete", shell.pod(ordinal), "--wait=false")
    shell.replaced(ordinal)


def pod_evict(shell: Shell, ordinal: int) -> None:
    """As faults.pod_evict."""
    budgets = shell.run("get", "poddisruptionbudgets", "--output=name").split()
    for budget in budgets:
        shell.wait(budget, "jsonpath={.status.disruptionsAllowed}=1")
    name = shell.pod(ordinal).removeprefix("pod/")
    path = f"/api/v1/namespaces/{shell.namespace}/pods/{name}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    shell.run("create", "--raw", path, "--filename=-", document=eviction)
    shell.replaced(ordinal)


def evict_all(shell: Shell, _: int) -> None:
    """As faults.evict_all, for a budget that lets one go at a time."""
    for ordinal in reversed(shell.profile.ordinals):
        pod_evict(shell, ordinal)


def pods_delete(shell: Shell, ordinal: int) -> None:
    """As faults.pods_delete."""
    going = [n for n in shell.profile.ordinals if n >= ordinal]
    shell.run("delete", *map(shell.pod, going), "--wait=false")
    shell.replaced(*going)


def scale_down(shell: Shell, ordinal: int) -> None:
    """As faults.scale_down."""
    members = shell.profile.ordinals
    going = [n for n in reversed(members) if n >= ordinal]
    shell.scale(len(members) - len(going))
    shell.gone(*going)
    shell.counted(".status.replicas", len(members) - len(going))
    shell.scale(len(members))
    shell.back(*sorted(going))
    shell.counted(".status.replicas", len(members))


def unready(shell: Shell, ordinal: int) -> None:
    """As faults.unready_scale_down."""
    members, finalizers = shell.profile.ordinals, [unready_scale_down.FINALIZER]
    shell.patch(shell.pod(ordinal), {"metadata": {"finalizers": finalizers}})
    shell.run("delete", shell.pod(ordinal), "--wait=false")
    shell.counted(".status.readyReplicas", len(members) - 1)
    shell.scale(1)
    shell.still()
    shell.patch(shell.pod(ordinal), {"metadata": {"finalizers": None}})
    # Who waits for the deletion of a pod that is back already waits for ever; the others go only
    # when it is Ready, and do not come back.
    shell.gone(*reversed(members[1:]))
    shell.scale(len(members))
    shell.back(*members[1:])


def rolling(shell: Shell, _: int) -> None:
    """As faults.rolling_update."""
    _marked(shell, "chain", shell.top)
    shell.counted(".status.updatedReplicas", 1)
    shell.back(shell.top)
    shell.still()
    shell.patch(shell.set, _partition(0))
    shell.run("rollout", "status", shell.set, _LONGEST)
    _marked(shell, None, 0)
    shell.run("rollout", "status", shell.set, _LONGEST)


def _marked(shell: Shell, mark: str | None, partition: int) -> None:
    template = {"template": {"metadata": {"annotations": {rolling_update.MARK: mark}}}}
    shell.patch(shell.set, {"spec": {**template, **_partition(partition)["spec"]}})


def _partition(number: int) -> dict[str, Any]:
    return {"spec": {"updateStrategy": {"rollingUpdate": {"partition": number}}}}


def broken(shell: Shell, _: int) -> None:
    """As faults.broken_update."""
    found = json.loads(shell.run("get", shell.set, "--output=json"))
    whole = found["spec"]["template"]["spec"]["containers"]
    nodes = json.loads(shell.run("get", "nodes", "--output=json"))["items"]
    idle = [broken_update.idle(each, broken_update.pause(nodes)) for each in whole]
    shell.patch(shell.set, _containers(idle))
    shell.wait(shell.pod(shell.top), "delete")
    shell.wait(shell.pod(shell.top), "create")
    shell.wait(shell.pod(shell.top), "jsonpath={.status.containerStatuses[0].started}=true")
    shell.still()
    shell.patch(shell.set, _containers(whole))
    shell.still("update begins")
    shell.run("delete", shell.pod(shell.top), "--wait=false")
    shell.replaced(shell.top)


def _containers(wanted: Sequence[Document]) -> Document:
    return {"spec": {"template": {"spec": {"containers": wanted}}}}


def set_delete(shell: Shell, _: int) -> None:
    """As faults.set_delete."""
    _made_again(shell, "background", list(shell.profile.ordinals))


def set_orphan(shell: Shell, _: int) -> None:
    """As faults.set_orphan."""
    _made_again(shell, "orphan", [])


def _made_again(shell: Shell, cascade: str, going: Sequence[int]) -> None:
    document = json.loads(shell.run("get", shell.set, "--output=json"))
    shell.run("delete", shell.set, f"--cascade={cascade}")
    shell.gone(*going)
    shell.run("create", "--filename=-", document=stripped(document))
    shell.back(*going)
    shell.counted(".status.readyReplicas", len(shell.profile.ordinals))


STEPS: Mapping[str, Callable[[Shell, int], None]] = {
    "pod-delete": pod_delete,
    "pod-evict": pod_evict,
    "pods-delete": pods_delete,
    "evict-all": evict_all,
    "scale-down": scale_down,
    "unready-scale-down": unready,
    "rolling-update": rolling,
    "broken-update": broken,
    "set-delete": set_delete,
    "set-orphan": set_orphan,
}
"""By fault; a fault of a machine has no kubectl, so no chain."""


def seconds(work: Undertaking, kubectl: tuple[str, ...], namespace: str) -> float:
    """Take all steps of a plan and give how long they took, in seconds."""
    shell = Shell(kubectl, namespace, work.profile)
    began = time.monotonic()
    shell.run("create", "namespace", namespace)
    try:
        _deployed(shell, work)
        _asked(shell, shell.profile.ordinals)
        for fault in work.plan.faults:
            for ordinal in fault.ordinals:
                STEPS[fault.fault](shell, ordinal)
                _asked(shell, _hit(work, fault.fault, ordinal))
        _asked(shell, shell.profile.ordinals)
    finally:
        shell.run("delete", "namespace", namespace)
    return time.monotonic() - began


def _hit(work: Undertaking, fault: str, ordinal: int) -> Sequence[int]:
    """Say whom a trial asks after a fault."""
    if fault in OF_THE_SET:
        return work.profile.ordinals
    several = fault in {"pods-delete", "scale-down", "set-delete"}
    return [n for n in work.profile.ordinals if n == ordinal or (several and n > ordinal)]


def _deployed(shell: Shell, work: Undertaking) -> None:
    shell.run("apply", "--filename=-", document=_list(work.documents))
    shell.back(*shell.profile.ordinals)
    shell.run("apply", "--filename=-", document=_list(work.driver))
    shell.wait("pod/driver", "condition=Ready")


def _list(documents: Sequence[Document]) -> Document:
    return {"apiVersion": "v1", "kind": "List", "items": list(documents)}


def _asked(shell: Shell, ordinals: Sequence[int]) -> None:
    for ordinal in ordinals:
        for question in shell.profile.ask.values():
            shell.run("exec", shell.pod(ordinal), "--container", shell.profile.container,
                      "--", *question)  # fmt: skip
