"""One scenario for two servers: what the fake answers must be what a real one answers.

Every step is one call or one watch, and what it gives is reduced to the status code and the fields
we rely on. The pods are bound to a node that does not exist, or wait at a gate: no kubelet, no
scheduler touches them. Nothing here compares; tests/ and suites/ground do.
May import: everything a doorway may.
Source of what is expected: k8s.io/kubernetes 1.34, registry/core/pod and k8s.io/apiserver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seatrial.kube.client import Kube
from seatrial.testing.scene import Scene, Seen

SAMPLES = "samples.parity.seatrial.dev/v1"
"""The custom resource of the scenario."""
ACCOUNT = "parity"
"""The service account that must be there on a real cluster before pods can be."""
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"


def definition() -> dict[str, Any]:
    """Give the CustomResourceDefinition of SAMPLES."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "samples.parity.seatrial.dev"},
        "spec": {
            "group": "parity.seatrial.dev",
            "scope": "Namespaced",
            "names": {"plural": "samples", "singular": "sample", "kind": "Sample"},
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def scenario(kube: Kube, namespace: str) -> dict[str, Seen]:
    """Take every step in an empty namespace, and give what each answered, by its sentence."""
    scene = Scene(kube, f"/api/v1/namespaces/{namespace}", namespace)
    return {sentence: step(scene) for sentence, step in STEPS.items()}


def _pod(name: str, *, bound: bool = True, **labels: str) -> dict[str, Any]:
    gate = {"schedulingGates": [{"name": "seatrial.dev/parity"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"parity": "yes", **labels}},
        "spec": {
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": False,
            "containers": [{"name": "main", "image": "none"}],
            **({"nodeName": "seatrial-no-such-node"} if bound else gate),
        },
    }


def _service(scene: Scene, **labels: str) -> Seen:
    path = f"{scene.core}/services/parity"
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "parity", "labels": labels},
        "spec": {"clusterIP": "None", "ports": [{"port": 80, "protocol": "TCP"}]},
    }
    query = {"fieldManager": "seatrial", "force": "true"}
    return scene.call("PATCH", path, body, query=query, kind=_APPLY)


def _set(scene: Scene, method: str, below: str = "", body: object = None, **more: Any) -> Seen:
    path = f"/apis/apps/v1/namespaces/{scene.namespace}/statefulsets{below}"
    return scene.call(method, path, body, **more)


def _made_set() -> dict[str, Any]:
    template = _pod("unnamed", bound=False)
    del template["metadata"]["name"], template["apiVersion"], template["kind"]
    template["metadata"]["labels"] = {"of": "set"}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "set"},
        "spec": {
            "replicas": 0,
            "serviceName": "parity",
            "selector": {"matchLabels": {"of": "set"}},
            "template": template,
        },
    }


def _writers(scene: Scene) -> Seen:
    found = scene.kube.get(f"/apis/apps/v1/namespaces/{scene.namespace}/statefulsets/set")
    told = [one for one in found["metadata"]["managedFields"] if one["manager"] == "seatrial"]
    who = sorted(
        f"{one['operation']} of {one.get('subresource') or 'all'}, "
        f"{'timed' if one.get('time', '').endswith('Z') else 'untimed'}"
        for one in told
    )
    return {"generation": found["metadata"]["generation"], "who": who}


def _budget(scene: Scene, method: str, body: object = None) -> Seen:
    name = "/guard" if method == "DELETE" else ""
    path = f"/apis/policy/v1/namespaces/{scene.namespace}/poddisruptionbudgets{name}"
    return scene.call(method, path, body)


def _made_budget() -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "guard"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"guard": "yes"}}},
    }


def _evicted(scene: Scene, name: str, **options: Any) -> Seen:
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": scene.namespace},
        "deleteOptions": options,
    }
    return scene.pod("POST", f"{name}/eviction", body)


def _noted(scene: Scene, mark: str) -> Seen:
    scene.marks[mark] = scene.kube.get(f"{scene.core}/pods")["metadata"]["resourceVersion"]
    return {"version": int(scene.marks[mark]) > 0}


def _bookmarked(scene: Scene) -> Seen:
    """Watch where nothing happens, for 10 s: a bookmark, or two, comes about 2 s before the end.

    An idle server hears every 5 s how far its store has come, and tells no bookmark of a version
    that it told already (apiserver, cacher).
    """
    version = scene.kube.get(f"{scene.core}/services")["metadata"]["resourceVersion"]
    query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "10"}
    path = f"{scene.core}/services"
    found = scene.watched(path, {**query, "allowWatchBookmarks": "true"})
    return {
        "events": sorted({f"{event['event']} of {event['name'] or 'nobody'}" for event in found})
    }


def _samples(scene: Scene) -> str:
    return f"/apis/parity.seatrial.dev/v1/namespaces/{scene.namespace}/samples"


def _sample() -> dict[str, Any]:
    meta = {"name": "one"}
    return {"apiVersion": "parity.seatrial.dev/v1", "kind": "Sample", "metadata": meta, "spec": {}}


_NOBODY = {"uid": "00000000-0000-4000-8000-000000000000"}
_TIER: Seen = {"metadata": {"labels": {"tier": "one"}}}
_UNTIER: Seen = {"metadata": {"labels": {"tier": None}}}
_UP: Seen = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}

STEPS: Mapping[str, Callable[[Scene], Seen]] = {
    "the list before anything": lambda s: _noted(s, "start") | s.listed(),
    "a pod is created": lambda s: s.call("POST", f"{s.core}/pods", _pod("a", guard="yes")),
    "a pod of that name exists": lambda s: s.call("POST", f"{s.core}/pods", _pod("a")),
    "another pod is created": lambda s: s.call("POST", f"{s.core}/pods", _pod("b", guard="yes")),
    "a pod at a gate is created": lambda s: s.call(
        "POST", f"{s.core}/pods", _pod("c", bound=False)
    ),
    "a pod is read": lambda s: s.pod("GET", "a"),
    "a pod that is not there is read": lambda s: s.pod("GET", "nobody"),
    "a resource that nobody serves is read": lambda s: s.call("GET", "/apis/no.such/v1/things"),
    "a label is added": lambda s: s.pod("PATCH", "a", _TIER, kind=_MERGE),
    "the same label again": lambda s: s.pod("PATCH", "a", _TIER, kind=_MERGE),
    "null removes the label": lambda s: s.pod("PATCH", "a", _UNTIER, kind=_MERGE),
    "a pod that is not there is patched": lambda s: s.pod("PATCH", "nobody", _TIER, kind=_MERGE),
    "a status is no matter of the object's path": lambda s: s.pod("PATCH", "a", _UP, kind=_MERGE),
    "a status has a path of its own": lambda s: s.pod("PATCH", "a/status", _UP, kind=_MERGE),
    "the middle": lambda s: _noted(s, "middle"),
    "pods are listed in order": lambda s: s.listed(),
    "one pod is listed by a field": lambda s: s.listed(fieldSelector="metadata.name=b"),
    "the first page of two": lambda s: s.listed(limit="2"),
    "the second page": lambda s: s.listed(limit="2", **{"continue": s.marks["page"]}),
    "a service is applied": lambda s: _service(s, parity="yes", tier="one"),
    "the same service is applied": lambda s: _service(s, parity="yes", tier="one"),
    "a label that is applied no more goes": lambda s: _service(s, parity="yes"),
    "a set is created": lambda s: _set(s, "POST", "", _made_set()),
    "its scale is read": lambda s: _set(s, "GET", "/set/scale"),
    "it is scaled": lambda s: _set(
        s, "PATCH", "/set/scale", {"spec": {"replicas": 1}}, kind=_MERGE
    ),
    "who scaled it is written down": _writers,
    "a delete for another uid": lambda s: s.pod("DELETE", "a", {"preconditions": _NOBODY}),
    "a budget is created": lambda s: _budget(s, "POST", _made_budget()),
    "an eviction that the budget forbids": lambda s: _evicted(s, "a"),
    "a pending pod is evicted whatever the budget": lambda s: _evicted(
        s, "b", gracePeriodSeconds=0
    ),
    "nobody is evicted": lambda s: _evicted(s, "nobody"),
    "the budget is deleted": lambda s: _budget(s, "DELETE"),
    "an eviction for another uid": lambda s: _evicted(s, "a", preconditions=_NOBODY),
    "a delete with a grace": lambda s: s.pod("DELETE", "a", {"gracePeriodSeconds": 5}),
    "what ends is still there": lambda s: s.pod("GET", "a"),
    "a longer grace changes nothing": lambda s: s.pod("DELETE", "a", {"gracePeriodSeconds": 9}),
    "a delete at once": lambda s: s.pod("DELETE", "a", {"gracePeriodSeconds": 0}),
    "what ended is gone": lambda s: s.pod("GET", "a"),
    "a delete of what is gone": lambda s: s.pod("DELETE", "a"),
    "a pod without a node ends at once": lambda s: s.pod("DELETE", "c"),
    "it is gone, too": lambda s: s.pod("GET", "c"),
    "the last pod is created": lambda s: s.call("POST", f"{s.core}/pods", _pod("last")),
    "a watch from the start": lambda s: {"events": s.events(f"{s.core}/pods", s.marks["start"])},
    "a watch from the middle": lambda s: {"events": s.events(f"{s.core}/pods", s.marks["middle"])},
    "a custom resource is created": lambda s: s.call("POST", _samples(s), _sample()),
    "a watch from a version that is too old": lambda s: {
        "events": list(s.watched(_samples(s), {"watch": "1", "resourceVersion": "1"}))
    },
    "a bookmark, and the end of a watch": _bookmarked,
}
"""The scenario, in its order."""
