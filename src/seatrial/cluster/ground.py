"""What is asked of a cluster, and what a cluster is; every provider speaks in these words.

May import: model, errors, places, kube.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from seatrial.errors import BadInput, NotOurs, nearest
from seatrial.kube.client import Kube, connect
from seatrial.model import Json

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LONGEST = 40
"""A node's name is the cluster's with up to 14 letters after it, and a label ends at 63."""
KUBERNETES = "1.34"
"""What is taken when no version is asked for; it also runs on machines with cgroup v1."""
_VERSION = re.compile(r"v?\d+\.\d+(\.\d+)?")


@dataclass(frozen=True)
class Allowed:
    """What the user named of a cluster that we did not make; nothing else may be harmed.

    `context` is the kubeconfig context in full; `image` runs the proof and needs python3.
    """

    context: str
    kubeconfig: Path | None = None
    namespaces: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    image: str = "docker.io/library/python:3.11-slim"


@dataclass(frozen=True)
class Spec:
    """What a cluster shall be; an empty `kubernetes` takes what is there, else KUBERNETES."""

    name: str
    shape: str = "three-workers"
    timing: str = "default"
    kubernetes: str = ""
    provider: str = "kind"
    allowed: Allowed | None = None


@dataclass(frozen=True)
class KindNode:
    """One node: `container` is its container's id, empty where the node is no container of ours."""

    name: str
    role: str
    container: str = ""


@dataclass(frozen=True)
class Cluster:
    """A running Kubernetes that was proved ready; `facts` is what cluster.json holds."""

    name: str
    shape: str
    timing: str
    provider: str
    kubeconfig: Path
    context: str
    kubernetes: str
    nodes: tuple[KindNode, ...]
    facts: Mapping[str, Json] = field(default_factory=dict)
    allowed: Allowed | None = None

    def demand(self, namespace: str = "", node: str = "") -> None:
        """Raise NotOurs unless that namespace and node may be harmed here.

        In a cluster that we made all may be, elsewhere what the user named.
        """
        if self.provider != "existing":
            return
        named = self.allowed or Allowed(self.context)
        for what, name, known in (
            ("namespace", namespace, named.namespaces),
            ("node", node, named.nodes),
        ):
            if name and name not in known:
                raise NotOurs(
                    f"leave to harm the {what} {name} of {self.context}",
                    seen=f"{what}s named: {', '.join(known) or 'none'}",
                )

    def connect(self) -> Kube:
        """Open its API server."""
        return connect(self.kubeconfig, self.context)

    def export(self, path: Path) -> Path:
        """Copy its kubeconfig, for tools that may write to or remove the file they are given."""
        path.touch(mode=0o600)
        path.write_bytes(self.kubeconfig.read_bytes())
        return path


@dataclass(frozen=True)
class Status:
    """One line of `cluster list`; `state` is healthy, half-made, broken, stopped or engine-down."""

    name: str
    sentence: str
    shape: str
    timing: str
    kubernetes: str
    provider: str
    state: str
    nodes: tuple[str, ...]
    created: str
    kubeconfig: str

    def as_dict(self) -> dict[str, Json]:
        """Give it as JSON takes it."""
        return {**asdict(self), "nodes": list(self.nodes)}


def check_name(name: str) -> None:
    """Refuse a name that a node's host name cannot start with."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise BadInput(
            f"a cluster's name of small letters, digits and -, at most {_LONGEST} long",
            seen=repr(name),
            remedy="--name my-trial-1",
        )


def check_version(version: str) -> None:
    """Refuse what is not a Kubernetes version such as 1.34 or v1.34.4."""
    if version and not _VERSION.fullmatch(version):
        raise BadInput("a Kubernetes version such as 1.34 or v1.34.4", seen=repr(version))


def same_version(wanted: str, found: str) -> bool:
    """Whether `found` is what `wanted` asks for; 1.34 asks for any 1.34."""
    want, have = wanted.removeprefix("v").split("."), found.removeprefix("v").split(".")
    return not wanted or have[: len(want)] == want


def unknown(what: str, name: str, known: Mapping[str, object]) -> BadInput:
    """Give the error for a name that a table does not hold, with the nearest that it does."""
    return BadInput(
        f"one of the {what}s: {', '.join(sorted(known))}",
        seen=repr(name),
        remedy=nearest(name, known, f"`seatrial list {what}s` tells of each"),
    )
