"""What the fake API server writes down about who changed a set, and how often its spec changed.

Of other kinds nobody asks, so nothing is written.
May import: testing.{paths,state} and the standard library.
Source: kubernetes.io, "Server-Side Apply", field management; apiserver, fieldmanager.
"""

from __future__ import annotations

from datetime import UTC, datetime

from seatrial.testing.paths import Place
from seatrial.testing.state import Object, merged


def signed(
    place: Place, manager: str, known: Object | None, fields: Object, *, applies: bool = False
) -> Object:
    """Give `fields` with the metadata that the server adds when they change a set's spec."""
    before = known or {}
    now = merged(before, fields)
    if place.plural != "statefulsets" or now.get("spec") == before.get("spec"):
        return fields
    meta = before.get("metadata", {})
    new = {
        "manager": manager,
        "operation": "Apply" if applies else "Update",
        # The server tells no time of who changed it by a subresource.
        **({"subresource": place.below} if place.below else {"time": _stamp()}),
    }
    others = [one for one in meta.get("managedFields", []) if _who(one) != _who(new)]
    written = {"generation": meta.get("generation", 0) + 1, "managedFields": [*others, new]}
    return {**fields, "metadata": {**fields.get("metadata", {}), **written}}


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _who(one: Object) -> tuple[str, str, str]:
    return one["manager"], one["operation"], one.get("subresource", "")
