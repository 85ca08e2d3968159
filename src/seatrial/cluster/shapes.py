"""Shapes: every clusters/*.yaml is one, an ordinary kind configuration under a sentence.

May import: errors, places, cluster.ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seatrial.cluster.ground import unknown
from seatrial.errors import BadInput
from seatrial.places import carried

ROLE = "seatrial.dev/role"
"""The label that sets a node apart; its value `driver` names where client code runs."""
ZONE = "topology.kubernetes.io/zone"
"""The label that says in which zone a node is; kubernetes.io, "Well-Known Labels"."""
SHARED = "/srv/shared"
"""Where each node has the directory that all share, in a shape whose nodes share one."""


@dataclass(frozen=True)
class Declared:
    """One node as a shape declares it; taints are written key=value:effect, "" is no zone."""

    name: str
    role: str
    taints: tuple[str, ...]
    zone: str = ""


@dataclass(frozen=True)
class Shape:
    """A named form of cluster; `config` is the kind configuration in its file."""

    name: str
    sentence: str
    config: Mapping[str, Any]

    def nodes(self, cluster: str) -> tuple[Declared, ...]:
        """Give the nodes as kind will name them in a cluster of that name."""
        alone = len(self.config["nodes"]) == 1
        return tuple(
            Declared(f"{cluster}-{name}", _role(node), _taints(node, alone=alone), _zone(node))
            for name, node in zip(_names(self.config["nodes"]), self.config["nodes"], strict=True)
        )

    @property
    def shared(self) -> bool:
        """Whether its nodes share a directory, so that a volume can follow its pod."""
        return bool(_shared(self.config["nodes"][0]))

    @property
    def own_paths(self) -> frozenset[str]:
        """What its nodes mount by a relative host path: each cluster has its own."""
        paths = (mount["hostPath"] for node in self.config["nodes"] for mount in _mounts(node))
        return frozenset(path for path in paths if not Path(path).is_absolute())


def shapes() -> dict[str, Shape]:
    """Read every shape there is, by name."""
    return {path.stem: read(path) for path in sorted(carried("clusters").glob("*.yaml"))}


def shape(name: str) -> Shape:
    """Give one shape by name. Raises BadInput with the nearest name."""
    known = shapes()
    if name not in known:
        raise unknown("shape", name, known)
    return known[name]


def read(path: Path) -> Shape:
    """Read one shape's file. Raises BadInput that says what it lacks, and where."""
    text = path.read_text()
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(f"{path} in YAML", seen=str(error)) from None
    if wrong := _wrong(config):
        raise BadInput(f"{path} to be a kind configuration of a shape", seen=wrong)
    sentence = _sentence(text)
    if not sentence:
        raise BadInput(
            f"{path} to say in a comment at its top what this shape is for",
            seen="no comment in its first line",
        )
    return Shape(path.stem, sentence, config)


def _wrong(config: Any) -> str:
    if not isinstance(config, dict) or config.get("kind") != "Cluster":
        return "no `kind: Cluster`"
    nodes = config.get("nodes")
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        return "no list of nodes"
    roles = [node.get("role") for node in nodes]
    if strange := set(roles) - {"control-plane", "worker"}:
        return f"the role {strange.pop()!r} beside control-plane and worker"
    if roles.count("control-plane") != 1:
        return f"{roles.count('control-plane')} control planes where one is wanted"
    if len({_shared(node) for node in nodes}) > 1:
        return f"another directory, or none, at {SHARED} on some of its nodes"
    return ""


def _mounts(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return node.get("extraMounts") or []


def _shared(node: Mapping[str, Any]) -> str:
    paths = (m["hostPath"] for m in _mounts(node) if m.get("containerPath") == SHARED)
    return next(paths, "")


def _sentence(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#") or not line.strip("# "):
            break
        lines.append(line.strip("# "))
    return " ".join(lines)


def _names(nodes: list[Mapping[str, Any]]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for node in nodes:
        count = seen[node["role"]] = seen.get(node["role"], 0) + 1
        yield node["role"] + (str(count) if count > 1 else "")


def _role(node: Mapping[str, Any]) -> str:
    return str((node.get("labels") or {}).get(ROLE) or node["role"])


def _zone(node: Mapping[str, Any]) -> str:
    return str((node.get("labels") or {}).get(ZONE, ""))


def _taints(node: Mapping[str, Any], *, alone: bool) -> tuple[str, ...]:
    patches = [yaml.safe_load(text) for text in node.get("kubeadmConfigPatches") or []]
    found = [
        f"{taint['key']}={taint.get('value', '')}:{taint['effect']}"
        for patch in patches
        for taint in (patch.get("nodeRegistration") or {}).get("taints") or []
    ]
    if node["role"] == "control-plane" and not alone and not found:
        found = ["node-role.kubernetes.io/control-plane=:NoSchedule"]
    return tuple(sorted(found))
