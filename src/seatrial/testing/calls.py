"""What one call does to the state of the fake API server, and what it answers.

Where it differs from a real server the parity test shows it (testing.parity).
May import: testing.{paths,signing,state} and the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from seatrial.testing.paths import Place, selected
from seatrial.testing.signing import signed
from seatrial.testing.state import FakeApi, Object, merged

Answer = tuple[HTTPStatus, Object]
_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "resourceVersion", "managedFields")
"""Metadata that only the server writes."""
_REASONS = {
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.GONE: "Expired",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


@dataclass(frozen=True)
class Call:
    """One request as a client made it: `content` is the type of its body, `manager` who writes."""

    method: str
    place: Place
    query: Mapping[str, str]
    body: Object
    content: str = ""
    manager: str = ""


def answer(api: FakeApi, call: Call) -> Answer:
    """Do what a call asks for, and give what the server says."""
    with api.changed:
        if call.method == "POST":
            return _evict(api, call) if call.place.below == "eviction" else _create(api, call)
        if call.method == "PATCH":
            return _patch(api, call)
        if call.method == "DELETE":
            return _delete(api, call.place, call.body, HTTPStatus.OK)
        return _read(api, call) if call.place.name else _list(api, call)


def status(code: HTTPStatus, message: str, reason: str = "") -> Object:
    """Give a Status object that says why not."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "code": int(code),
        "reason": reason or _REASONS.get(code, "InternalError"),
        "message": message,
    }


def _known(api: FakeApi, place: Place) -> Object | None:
    return api.of(place.plural).get(place.key)


def _refused(code: HTTPStatus, message: str, reason: str = "") -> Answer:
    return code, status(code, message, reason)


def _absent(place: Place) -> Answer:
    return _refused(HTTPStatus.NOT_FOUND, f'{place.plural} "{place.name}" not found')


def _read(api: FakeApi, call: Call) -> Answer:
    found = _known(api, call.place)
    if found is None:
        return _absent(call.place)
    return HTTPStatus.OK, _scale(found) if call.place.below == "scale" else found


def _scale(found: Object) -> Object:
    replicas = found.get("spec", {}).get("replicas", 1)
    # A real one leaves 0 out.
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "metadata": found["metadata"], "spec": spec}


def _list(api: FakeApi, call: Call) -> Answer:
    token, limit = call.query.get("continue", ""), int(call.query.get("limit", 0))
    if not token:
        found = [o for _, o in sorted(api.of(call.place.plural).items())]
        items = [o for o in found if selected(o, call.place.namespace, call.query)]
        return HTTPStatus.OK, _page(api, api.version, items, limit)
    version, items = api.pages[token]
    if version < api.compacted:
        return _refused(HTTPStatus.GONE, "The provided continue parameter is too old")
    return HTTPStatus.OK, _page(api, version, items, limit)


def _page(api: FakeApi, version: int, items: list[Object], limit: int) -> Object:
    meta: dict[str, Any] = {"resourceVersion": str(version)}
    if limit and len(items) > limit:
        meta |= {"continue": f"{version}-{len(items)}", "remainingItemCount": len(items) - limit}
        api.pages[meta["continue"]] = version, items[limit:]
        items = items[:limit]
    return {"kind": "List", "apiVersion": "v1", "metadata": meta, "items": items}


def _create(api: FakeApi, call: Call) -> Answer:
    place = call.place
    name = call.body["metadata"]["name"]
    if f"{place.namespace}/{name}" in api.of(place.plural):
        said = f'{place.plural} "{name}" already exists'
        return _refused(HTTPStatus.CONFLICT, said, "AlreadyExists")
    fields = _written(call.body, place, new=True)
    fields = signed(place, call.manager, None, fields)
    return HTTPStatus.CREATED, api.put(place.plural, name, place.namespace, **fields)


def _patch(api: FakeApi, call: Call) -> Answer:
    place, known = call.place, _known(api, call.place)
    applies = "apply" in call.content
    if known is None and not applies:
        return _absent(place)
    if _overtaken(known, call.body):
        said = "the object has been modified; please apply your changes to the latest version"
        return _refused(HTTPStatus.CONFLICT, said)
    fields = _written(call.body, place, new=known is None)
    if known and known.get("immutable") and _alters(known, fields):
        said = f'{place.plural} "{place.name}" is invalid: data: Forbidden: field is immutable'
        return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{said} when `immutable` is set")
    if applies:
        fields = merged(_forgotten(api.applied.get((place.plural, place.key), {}), fields), fields)
        api.applied[place.plural, place.key] = call.body
    fields = signed(place, call.manager, known, fields, applies=applies)
    found = api.put(place.plural, place.name, place.namespace, **fields)
    done = HTTPStatus.OK if known else HTTPStatus.CREATED
    return done, _scale(found) if place.below == "scale" else found


def _alters(known: Object, fields: Object) -> bool:
    """Whether a patch changes what an immutable ConfigMap or Secret holds.

    Source: k8s.io/kubernetes, pkg/apis/core/validation, ValidateConfigMapUpdate.
    """
    own = {key: known.get(key) for key in ("data", "binaryData", "immutable")}
    return merged(own, {key: fields[key] for key in own if key in fields}) != own


def _overtaken(known: Object | None, body: Object) -> bool:
    """Whether a patch names a version, and somebody has written since."""
    wanted = body.get("metadata", {}).get("resourceVersion")
    return known is not None and bool(wanted) and wanted != known["metadata"]["resourceVersion"]


def _written(body: Object, place: Place, *, new: bool) -> Object:
    """Give the part of a body that this path may write; a new pod is Pending."""
    if place.below == "status":
        return {"status": body.get("status", {})}
    if place.below == "scale":
        return {"spec": {"replicas": body["spec"]["replicas"]}}
    meta = {k: v for k, v in body.get("metadata", {}).items() if k not in _OWNED}
    fields = {key: value for key, value in body.items() if key not in {"status", "metadata"}}
    pending = {"status": {"phase": "Pending"}} if new and place.plural == "pods" else {}
    return {**fields, **pending, **({"metadata": meta} if meta else {})}


def _forgotten(before: Object, now: Object) -> Object:
    """Give what was applied before and is no more, as nulls of a merge patch."""
    gone: Object = {}
    for key, value in before.items():
        if key == "status":
            continue
        if key not in now:
            gone[key] = None
        elif isinstance(value, dict) and isinstance(now[key], dict):
            gone |= {key: inner} if (inner := _forgotten(value, now[key])) else {}
    return gone


def _delete(api: FakeApi, place: Place, options: Object, done: HTTPStatus) -> Answer:
    found = _known(api, place)
    if found is None:
        return _absent(place)
    uid = found["metadata"]["uid"]
    wanted = options.get("preconditions", {}).get("uid", uid)
    if wanted != uid:
        said = f"the UID in the precondition ({wanted}) does not match the UID in record ({uid})"
        return _refused(HTTPStatus.CONFLICT, said)
    if done == HTTPStatus.CREATED:
        _condemn(api, place, found)
    grace = {"grace": options["gracePeriodSeconds"]} if "gracePeriodSeconds" in options else {}
    api.delete(place.plural, place.name, place.namespace, **grace)
    return done, {"kind": "Status", "metadata": {}, "status": "Success"}


def _condemn(api: FakeApi, place: Place, pod: Object) -> None:
    """Say on a pod that it is evicted, as the server does before it deletes it."""
    kept = [c for c in _conditions(pod) if c["type"] != "DisruptionTarget"]
    reason = {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
    said = {"type": "DisruptionTarget", "status": "True", **reason}
    api.put("pods", place.name, place.namespace, status={"conditions": [*kept, said]})


def _evict(api: FakeApi, call: Call) -> Answer:
    pod = _known(api, call.place)
    if pod is None:
        return _absent(call.place)
    if api.budget == 0 or (_guarded(pod) and _exhausted(api, call.place.namespace, pod)):
        said = "Cannot evict pod as it would violate the pod's disruption budget."
        return _refused(HTTPStatus.TOO_MANY_REQUESTS, said)
    api.budget = None if api.budget is None else api.budget - 1
    return _delete(api, call.place, call.body.get("deleteOptions", {}), HTTPStatus.CREATED)


def _guarded(pod: Object) -> bool:
    """Whether a budget is asked at all; source: eviction.go, canIgnorePDB."""
    over = pod.get("status", {}).get("phase", "Running") in {"Pending", "Succeeded", "Failed"}
    return not over and "deletionTimestamp" not in pod["metadata"]


def _exhausted(api: FakeApi, namespace: str, pod: Object) -> bool:
    """Whether a budget (minAvailable as a number) covers a pod and allows no more."""
    labels = pod["metadata"].get("labels", {})
    budgets = [b for b in api.of("poddisruptionbudgets").values() if selected(b, namespace, {})]
    for spec in (budget.get("spec", {}) for budget in budgets):
        chosen = spec.get("selector", {}).get("matchLabels", {})
        if "selector" in spec and chosen.items() <= labels.items():
            query = {"labelSelector": ",".join(f"{k}={v}" for k, v in chosen.items())}
            pods = [p for p in api.of("pods").values() if selected(p, namespace, query)]
            return sum(map(_ready, pods)) <= int(spec.get("minAvailable", 0))
    return False


def _ready(pod: Object) -> bool:
    """Whether a budget counts a pod; source: disruption.go, countHealthyPods."""
    leaving = "deletionTimestamp" in pod["metadata"]
    return not leaving and any(
        c["type"] == "Ready" and c["status"] == "True" for c in _conditions(pod)
    )


def _conditions(pod: Object) -> list[Object]:
    found: list[Object] = pod.get("status", {}).get("conditions", [])
    return found
