"""Pods of our own beside a workload: what none of them may, and waiting until one serves.

May import: errors, timing, kube.{client,objects,watch}.
Source: Kubernetes, "Pod Security Standards", profile "restricted".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from seatrial.errors import CannotRun, SeatrialError
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.kube.watch import Stream
from seatrial.timing import Limit, wait

_USER = 65534
_KEPT_IN = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def confined(
    container: Mapping[str, Any], volumes: Sequence[Mapping[str, Any]], restart: str = "Always"
) -> dict[str, Any]:
    """Give the spec of a pod of one container that is nobody and asks the API server nothing.

    Its user may write to every volume that can be written to. It leaves as soon as it is told to.
    """
    user = {"runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER}
    profile = {"type": "RuntimeDefault"}
    return {
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, **user, "seccompProfile": profile},
        "containers": [
            {"imagePullPolicy": "IfNotPresent", "securityContext": _KEPT_IN, **container}
        ],
        "volumes": list(volumes),
    }


def serving(kube: Kube, stream: Stream, namespace: str, name: str, within: Limit) -> Pod:
    """Wait until a pod of ours is Ready; `stream` watches the pods of its namespace.

    Raises CannotRun as soon as it ends, and NotReady when it comes too late: with its last words.
    """
    try:
        wait(stream, lambda seen: _unready(seen, name), within)
    except SeatrialError as late:
        with suppress(SeatrialError):
            late.seen += f"\n{kube.logs(namespace, name)}".rstrip()
        raise
    found: Pod = stream.items("pods")[name]
    return found


def _unready(stream: Stream, name: str) -> str | None:
    pod: Pod | None = stream.items("pods").get(name)
    if pod is None:
        return f"no pod {name} yet"
    if any(s.state.terminated or s.restart_count for s in pod.status.container_statuses):
        raise CannotRun(f"a {name} that runs", seen=pod.trouble)
    return None if pod.ready else f"{name} is {pod.status.phase}: {pod.trouble}"
