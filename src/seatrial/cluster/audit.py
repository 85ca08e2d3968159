"""The API server's own log of who changed what: set up when a cluster is made, read when asked.

Source: kubernetes.io, "Auditing" (audit.k8s.io/v1 Event).
May import: model, errors, places, cluster.engine, cluster.records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from seatrial.cluster import records
from seatrial.cluster.engine import Engine
from seatrial.errors import CannotRun, ToolFailed
from seatrial.places import carried

_POLICY = "/etc/kubernetes/audit.yaml"
_FOLDER = "/var/log/kubernetes"
_LOG = f"{_FOLDER}/audit.log"

FLAGS: Mapping[str, str] = {
    "audit-policy-file": _POLICY,
    "audit-log-path": _LOG,
    "audit-log-maxsize": "100",
    "audit-log-maxbackup": "1",
}
"""The API server's flags, without their dashes."""
VOLUMES: tuple[Mapping[str, Any], ...] = (
    {"name": "audit-policy", "hostPath": _POLICY, "mountPath": _POLICY, "readOnly": True,
     "pathType": "File"},
    {"name": "audit-log", "hostPath": _FOLDER, "mountPath": _FOLDER,
     "pathType": "DirectoryOrCreate"},
)  # fmt: skip
"""What the API server's pod mounts of its node, as kubeadm's ClusterConfiguration has it."""


@dataclass(frozen=True)
class Request:
    """One request that changed something; `came` and `done` are seconds since 1970.

    `agent` is the program's own word for itself, `user` whom the API server took it for.
    """

    came: float
    done: float
    verb: str
    resource: str
    namespace: str
    name: str
    user: str
    agent: str
    status: int


def lay_out(folder: Path) -> None:
    """Write the policy where the nodes of a cluster will mount it, before they are there."""
    text = (carried("clusters") / "audit" / "policy.yaml").read_bytes()
    records.write(_ours(folder), text)


def mount(folder: Path) -> dict[str, Any]:
    """Give the mount of the control plane's node."""
    return {"hostPath": str(_ours(folder)), "containerPath": _POLICY, "readOnly": True}


def noted(engine: Engine, control_plane: str, namespace: str) -> list[Request]:
    """Give what was changed in a namespace, oldest first.

    Raises CannotRun for a cluster that was made without the log.
    """
    try:
        # The name is an API server's, so it has no letter that grep would take for a pattern.
        asked = ("grep", "-hF", f'"{namespace}"', "-r", _FOLDER)
        said = engine.docker("exec", control_plane, *asked)
    except ToolFailed as error:
        raise CannotRun(
            f"requests about {namespace} in the API server's audit log",
            seen=error.seen,
            remedy="make the cluster anew: `seatrial cluster down`, `seatrial cluster up`",
        ) from None
    return sorted(requests(said, namespace), key=lambda request: (request.done, request.came))


def requests(text: str, namespace: str) -> Iterator[Request]:
    """Read the log's lines that are about a namespace, itself included."""
    for line in text.splitlines():
        event = json.loads(line)
        about = event.get("objectRef") or {}
        if event["stage"] in ("ResponseComplete", "Panic") and about.get("namespace") == namespace:
            yield _request(event, about)


def _request(event: Mapping[str, Any], about: Mapping[str, str]) -> Request:
    kind = about.get("subresource", "")
    return Request(
        came=_seconds(event["requestReceivedTimestamp"]),
        done=_seconds(event["stageTimestamp"]),
        verb=event["verb"],
        resource=about["resource"] + (f"/{kind}" if kind else ""),
        namespace=about["namespace"],
        name=about.get("name", ""),
        user=event["user"].get("username", ""),
        agent=event.get("userAgent", ""),
        status=(event.get("responseStatus") or {}).get("code", 0),
    )


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _ours(folder: Path) -> Path:
    return folder / "audit.yaml"
