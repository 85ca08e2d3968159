"""What the fake API server serves, and where: kinds, URL paths, selectors.

May import: testing.state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.testing.state import Object

Place = tuple[str, str, str]
"""Plural, namespace and name; the last two may be empty."""
GROUPS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "/api/v1": {
        "pods": ("Pod", True),
        "persistentvolumeclaims": ("PersistentVolumeClaim", True),
        "persistentvolumes": ("PersistentVolume", False),
        "nodes": ("Node", False),
        "namespaces": ("Namespace", False),
        "events": ("Event", True),
        "configmaps": ("ConfigMap", True),
        "secrets": ("Secret", True),
    },
    "/apis/apps/v1": {"statefulsets": ("StatefulSet", True)},
    "/apis/policy/v1": {"poddisruptionbudgets": ("PodDisruptionBudget", True)},
    "/apis/rbac.authorization.k8s.io/v1": {
        "clusterroles": ("ClusterRole", False),
        "clusterrolebindings": ("ClusterRoleBinding", False),
    },
}


def selected(found: Object, namespace: str, query: Mapping[str, str]) -> bool:
    """Whether a list of a namespace (all, if empty) with these selectors holds an object."""
    if namespace not in ("", found["metadata"].get("namespace", "")):
        return False
    labels = found["metadata"].get("labels", {})
    fields = _pairs(query.get("fieldSelector", ""))
    return all(_field(found, path) == value for path, value in fields) and all(
        labels.get(name) == value for name, value in _pairs(query.get("labelSelector", ""))
    )


def _pairs(selector: str) -> list[list[str]]:
    """Take a=b,c=d apart; other forms of selector are not known here."""
    return [part.split("=", 1) for part in selector.split(",") if part]


def _field(found: Any, path: str) -> Any:
    for part in path.split("."):
        found = found.get(part, {})
    return found


def resources(group: str) -> list[Object]:
    """Give what discovery says of a group."""
    return [
        {"name": plural, "kind": kind, "namespaced": namespaced}
        for plural, (kind, namespaced) in GROUPS[group].items()
    ]


def place_of(path: str) -> Place | None:
    """Give plural, namespace and name of a URL path, the last two empty when not named."""
    group = next((group for group in GROUPS if path.startswith(f"{group}/")), None)
    parts = path.removeprefix(f"{group}/").split("/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:  # noqa: PLR2004 - namespaces/NAME/PLURAL
        namespace, parts = parts[1], parts[2:]
    if group is None or parts[0] not in GROUPS[group]:
        return None
    return parts[0], namespace, parts[1] if len(parts) > 1 else ""
