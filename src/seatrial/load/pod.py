"""The driver's pod and what it is given: its program, the profile's client, the job.

May import: model, errors, connections, kube.pods; files of load/driver as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seatrial.connections import Connections
from seatrial.errors import CannotRun
from seatrial.kube.pods import confined
from seatrial.model import Json, Profile

NAME = "driver"
PORT = 8080
ROLE = "seatrial.dev/role"
"""The label of nodes; the one whose value is `driver` is never a victim, and tainted."""
_TAINT = "seatrial.dev/driver"
PROGRAM = Path(__file__).parent / "driver"
_SPOOL_SIZE = "512Mi"
_TIMES = {"timeout": 2.0, "read_timeout": 30.0, "dns_every": 0.25, "dns_timeout": 1.0}
"""Seconds: of one attempt, of reading one member, between two questions, of one question."""


MODELS = {
    "durability.register": "register",
    "durability.bank": "bank",
    "durability.session": "session",
}
"""By guarantee: the model that clients must use for it to be judged."""
_MODEL_RATE = 5.0
"""Operations a second by each client of a model; there is one a member."""


def models(guarantees: Iterable[str]) -> tuple[str, ...]:
    """Name the models that clients must use for these guarantees."""
    return tuple(MODELS[each] for each in guarantees if each in MODELS)


def _calls(told: Connections, service: str, namespace: str) -> dict[str, Json]:
    def whole(to: str) -> str:
        service, _, port = to.partition(":")
        return f"{service}.{namespace}.svc:{port}"

    ways = [{"name": name, **asdict(way), "to": whole(way.to)} for name, way in told.ways.items()]
    return {
        "ways": ways,
        "rate": told.rate,
        "deadline": told.deadline,
        "stream_every": told.stream_every,
        "members": [f"{service}.{namespace}.svc"],
    }


def _called(profile: Profile, namespace: str) -> dict[str, Json]:
    told = profile.connections
    return {"calls": _calls(told, profile.service, namespace)} if told else {}


def job(
    profile: Profile,
    namespace: str,
    servers: Sequence[str],
    seed: int,
    models: Sequence[str] = (),
) -> dict[str, Json]:
    """Give what the driver shall do; names end in .svc, it knows the cluster's domain itself."""
    return {
        "run": namespace.rsplit("-", 1)[-1],
        "seed": seed,
        "members": [_member(profile, namespace, n) for n in profile.ordinals],
        "servers": list(servers),
        "writers_per_member": profile.load.writers,
        "rate": profile.load.rate,
        "models": list(models),
        "model_rate": _MODEL_RATE,
        **_TIMES,
        **_called(profile, namespace),
    }


def member_name(profile: Profile, ordinal: int) -> str:
    """Give a member's stable name as Ops tell it."""
    return f"{profile.set}-{ordinal}.{profile.service}"


def _member(profile: Profile, namespace: str, ordinal: int) -> dict[str, Json]:
    name = member_name(profile, ordinal)
    asked = f"{name}.{namespace}.svc"
    return {"ordinal": ordinal, "name": name, "host": f"{asked}:{profile.port}", "asked": asked}


def documents(
    todo: Mapping[str, Json], client: str, image: str, *, apart: bool, calls: str = ""
) -> list[dict[str, Any]]:
    """Give the objects to apply; `apart` when a node of the shape is the driver's own.

    `client` is the path of a client file, `calls` that of a file of calls; empty for none.
    Raises CannotRun when one is gone.
    """
    files = {n: path for n, path in {"client.py": client, "calls.py": calls}.items() if path}
    program = {path.name: path.read_text() for path in sorted(PROGRAM.glob("*.py"))}
    return [
        _config("program", program),
        _config("job", {"job.json": json.dumps(todo)}),
        _config("client", {n: _text(path) for n, path in files.items()}),
        _pod(image, apart=apart, files=[*files]),
    ]


def placement(*, apart: bool) -> dict[str, Any]:
    """Give the part of a pod's spec that keeps it on the driver's node, if there is one."""
    return {
        **({"nodeSelector": {ROLE: NAME}} if apart else {}),
        "tolerations": _tolerations(),
    }


def _text(client: str) -> str:
    try:
        return Path(client).read_text()
    except (OSError, ValueError) as error:
        raise CannotRun(f"to read the client file {client}", seen=str(error)) from None


def _config(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    meta = {"name": f"{NAME}-{name}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(data)}


def _pod(image: str, *, apart: bool, files: Sequence[str]) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": name, "configMap": {"name": f"{NAME}-{name}"}}
        for name in ("program", "job", "client")
    ]
    volumes.append({"name": "spool", "emptyDir": {"sizeLimit": _SPOOL_SIZE}})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": {ROLE: NAME}},
        "spec": {
            **placement(apart=apart),
            **confined(_container(image, files), volumes),
            # The resolver's own five seconds are longer than an attempt may take.
            "dnsConfig": {
                "options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "2"}]
            },
        },
    }


def _container(image: str, files: Sequence[str]) -> dict[str, Any]:
    return {
        "name": NAME,
        "image": image,
        "command": ["python3", "-B", "-u", "/driver/main.py"],
        "env": [
            {"name": name, "value": f"/client/{file}" if file in files else ""}
            for name, file in (("DRIVER_CLIENT", "client.py"), ("DRIVER_CALLS", "calls.py"))
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {
            "httpGet": {"path": "/now", "port": "http"},
            "periodSeconds": 1,
            "timeoutSeconds": 3,
        },
        # So that why it ended can be seen on the watch.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {
            "requests": {"cpu": "50m", "memory": "48Mi"},
            "limits": {"memory": "512Mi"},
        },
        "volumeMounts": [
            {"name": "program", "mountPath": "/driver", "readOnly": True},
            {"name": "job", "mountPath": "/job", "readOnly": True},
            {"name": "client", "mountPath": "/client", "readOnly": True},
            {"name": "spool", "mountPath": "/spool"},
        ],
    }


def _tolerations() -> list[dict[str, str]]:
    """Tolerate its own node's taint, and for ever that this node falls silent for a while."""
    return [
        {"key": _TAINT, "operator": "Exists", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    ]
