"""Services by which clients come: waited for while somebody is on the way, and named in vain."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from seatrial import timing
from seatrial.connections import Connections, Way
from seatrial.errors import Untried
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.model import Profile
from seatrial.sessions import Sessions
from seatrial.testing import Kept, controlled, fake_api
from seatrial.workload import deployed
from seatrial.workload.doors import demand_doors

SPACE = "trial-1"
BARE = Profile("p", "s", "f", "m", "web", "web", 2, "main", ("data",), (), {})
VISITED = {"sessions": Sessions("load.py", "load", "web:80", "web:81", "door:80")}
WAYS = {"envoy": Way("door:50051"), "measured": Way("nowhere:1", claimed=False)}
CALLED = {"connections": Connections("calls.py", "caller", WAYS)}
DOOR = {"app": "door"}
LABELLED = {"labels": DOOR}
READY = [{"type": "Ready", "status": "True"}]


def profile(**more: Any) -> Profile:
    return replace(BARE, **more)


def maker(replicas: int) -> dict[str, Any]:
    spec = {"replicas": replicas, "template": {"metadata": {"labels": DOOR}}}
    return {"kind": "Deployment", "metadata": {"name": "door"}, "spec": spec}


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kube(api, tmp_path):
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Leave little time for what will never come."""
    for name in ("a Service finds somebody", "workload is ready"):
        monkeypatch.setitem(timing._SECONDS, name, 0.5)


def serves(api, name: str, selector: dict[str, str] | None, *, ready: bool | None = None) -> None:
    """Put a Service, and perhaps an endpoint of it."""
    api.put("services", name, SPACE, spec={"selector": selector, "clusterIP": "10.0.0.1"})
    place = {"addresses": ["10.0.1.1"], "conditions": {"ready": ready}}
    found = [] if ready is None else [place]
    labels = {"kubernetes.io/service-name": name}
    api.put("endpointslices", f"{name}-x", SPACE, metadata={"labels": labels}, endpoints=found)


def demanded(kube, documents: Any = (), **more: Any) -> None:
    with Stream(kube, ("services", "endpointslices", "pods"), SPACE) as stream:
        demand_doors(profile(**(more or CALLED)), documents, kube, SPACE, stream)


def refused(kube, documents: Any = (), **more: Any) -> Untried:
    with pytest.raises(Untried) as caught:
        demanded(kube, documents, **more)
    return caught.value


def test_who_declares_no_clients_needs_no_service(kube):
    with Stream(kube, (), SPACE) as stream:
        demand_doors(BARE, [], kube, SPACE, stream)


def test_a_service_with_an_endpoint_is_a_way_in_and_one_that_is_only_measured_need_not_be(
    api, kube
):
    serves(api, "door", DOOR, ready=True)
    demanded(kube)


def test_what_leads_out_of_the_cluster_is_no_affair_of_endpoints(api, kube):
    api.put("services", "door", SPACE, spec={"type": "ExternalName"})
    demanded(kube)


def test_a_selector_that_matches_nobody_names_what_pods_have_instead(api, kube):
    serves(api, "door", {"app": "dore"})
    api.put("pods", "door-1", SPACE, metadata=LABELLED, status={"conditions": READY})
    why = refused(kube)
    assert why.wanted == (
        "somebody behind Service door (connections.ways.envoy.to), by which clients come"
    )
    assert "its selector app=dore matches no pod, nor does anybody of the manifests" in why.seen
    assert "the pods have app=door" in why.seen
    assert "let the selector of Service door be labels of the pods that shall serve" in why.remedy
    assert f"kubectl -n {SPACE} get endpointslices -l kubernetes.io/service-name=door" in why.remedy


def test_a_proxy_of_no_replicas_is_named_with_the_remedy(api, kube):
    serves(api, "door", DOOR)
    why = refused(kube, [maker(0)])
    assert "Deployment door of the manifests would make one, and has replicas: 0" in why.seen
    assert why.remedy.startswith("give Deployment door a replica; ")


def test_a_proxy_that_cannot_be_made_is_told_by_its_own_events(api, kube):
    serves(api, "door", DOOR)
    for kind, name, said in (("ReplicaSet", "door-5f", "exceeded quota"), ("Pod", "web-0", "late")):
        about = {"kind": kind, "name": name}
        told = {"type": "Warning", "reason": "FailedCreate", "message": said}
        api.put("events", name, SPACE, involvedObject=about, **told)
    why = refused(kube, [maker(1)])
    assert "ReplicaSet door-5f: FailedCreate: exceeded quota" in why.seen
    assert "web-0" not in why.seen


@pytest.mark.parametrize("near", ["doors", "elsewhere"])
def test_a_service_that_is_not_there_is_named_with_the_nearest_one(near, api, kube):
    serves(api, near, DOOR, ready=True)
    serves(api, "web", DOOR, ready=True)
    why = refused(kube, **VISITED)
    assert why.seen == f"there is no Service door; the trial has {near}, web"
    assert ("did you mean doors?" in why.remedy) == (near == "doors")
    assert "name a Service of the manifests in sessions.through of profile.yaml" in why.remedy


def test_all_that_lead_to_nobody_are_named_each_once(api, kube):
    serves(api, "web", None, ready=False)
    why = refused(kube, **VISITED)
    both = "Service web (sessions.to, sessions.idle) and Service door (sessions.through)"
    assert both in why.wanted
    assert "Service web has no endpoint, and no selector that would find one" in why.seen


def test_a_proxy_that_never_gets_ready_is_told_in_its_containers_words(api, kube):
    serves(api, "door", DOOR, ready=False)
    words = {"waiting": {"reason": "CrashLoopBackOff", "message": "no such host"}}
    status = {"phase": "Running", "containerStatuses": [{"name": "proxy", "state": words}]}
    api.put("pods", "door-1", SPACE, metadata=LABELLED, spec={}, status=status)
    why = refused(kube)
    assert "door-1 is Running: container proxy: CrashLoopBackOff no such host" in why.seen
    assert "kubectl logs --previous says why it ended" in why.remedy


def test_a_pod_that_is_ready_and_no_endpoint_is_told(api, kube):
    serves(api, "door", DOOR)
    api.put("pods", "door-1", SPACE, metadata=LABELLED, status={"conditions": READY})
    assert "door-1 is Ready, and no endpoint was made of it" in refused(kube).seen


@pytest.mark.parametrize("hidden", ["services", "endpointslices"])
def test_where_we_may_not_see_services_nothing_is_said(hidden, api, kube):
    serves(api, "door", DOOR)
    api.forbidden.add(hidden)
    demanded(kube)


def test_who_is_on_the_way_is_waited_for_as_members_are(api, kube, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "workload is ready", 60)
    serves(api, "door", DOOR, ready=False)
    api.put("pods", "door-1", SPACE, metadata=LABELLED)
    happens = timing.happens

    def opened(stream: Any, condition: Any, within: Any) -> bool:
        if within.seconds > 1:
            serves(api, "door", DOOR, ready=True)
        return happens(stream, condition, within)

    monkeypatch.setattr("seatrial.workload.doors.happens", opened)
    demanded(kube)


def test_nothing_is_tried_on_a_workload_that_nobody_can_reach(api, kube):
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}}
    made["spec"] = {"replicas": 2}
    with ExitStack() as stack:
        stack.enter_context(controlled(api))
        with pytest.raises(Untried, match="somebody behind Service door"):
            stack.enter_context(deployed(profile(**CALLED), [made], kube, SPACE, Kept()))
