"""What the fake API server serves, and where: kinds, URL paths, selectors.

May import: testing.state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.testing.state import Groups, Object

_IN_NAMESPACE = 3
"""Parts of a path below a group that begins with namespaces/NAME/PLURAL."""


@dataclass(frozen=True)
class Place:
    """What a URL path names; `name` and `below` (a subresource) may be empty."""

    group: str
    plural: str
    namespace: str
    name: str
    below: str = ""

    @property
    def key(self) -> str:
        """Where the state keeps the object: namespace/name."""
        return f"{self.namespace}/{self.name}"


def selected(found: Object, namespace: str, query: Mapping[str, str]) -> bool:
    """Whether a list of a namespace (all, if empty) with these selectors holds an object.

    Selectors may only ask for equality.
    """
    if namespace not in ("", found["metadata"].get("namespace", "")):
        return False
    fields, labels = _pairs(query, "fieldSelector"), _pairs(query, "labelSelector")
    own = found["metadata"].get("labels", {})
    return all(_field(found, path) == value for path, value in fields) and all(
        own.get(label) == value for label, value in labels
    )


def _pairs(query: Mapping[str, str], name: str) -> list[list[str]]:
    return [part.split("=", 1) for part in query.get(name, "").split(",") if part]


def _field(found: Any, path: str) -> Any:
    for part in path.split("."):
        found = found.get(part, {})
    return found


def resources(groups: Groups, group: str) -> list[Object]:
    """Give what discovery says of a group."""
    return [
        {
            "name": plural,
            "singularName": kind.lower(),
            "kind": kind,
            "namespaced": namespaced,
            "verbs": ["create", "delete", "get", "list", "patch", "watch"],
        }
        for plural, (kind, namespaced) in groups[group].items()
    ]


def roots(groups: Groups) -> dict[str, Object]:
    """Give what the two roots of discovery say: the versions of the core, and all groups."""
    named: list[Object] = []
    for path in groups:
        if path.startswith("/apis/"):
            name, version = path.split("/")[2:]
            one = {"groupVersion": f"{name}/{version}", "version": version}
            named.append({"name": name, "versions": [one], "preferredVersion": one})
    return {"/api": {"versions": ["v1"]}, "/apis": {"groups": named}}


def place_of(groups: Groups, path: str) -> Place | None:
    """Say what a URL path names; None when nothing is served there."""
    group = next((group for group in groups if path.startswith(f"{group}/")), "")
    parts = path.removeprefix(f"{group}/").split("/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= _IN_NAMESPACE and parts[2] in groups[group]:
        namespace, parts = parts[1], parts[2:]
    if not group or parts[0] not in groups[group]:
        return None
    plural, name, below = (*parts, "", "")[:3]
    return Place(group, plural, namespace, name, below)
