"""What keeps a workload from being tried: rights, classes, the control plane, its own pods."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.errors import Untried
from seatrial.kube.client import connect
from seatrial.kube.objects import ContainerState, ContainerStatus, Meta, Pod, PodStatus
from seatrial.kube.stewards import stewards
from seatrial.model import Profile
from seatrial.testing import Kept, controlled, fake_api, reviews
from seatrial.workload import WATCHED, demand_stewards, deployed
from seatrial.workload.classes import demand_classes
from seatrial.workload.late import remedies, trouble
from seatrial.workload.rights import demand_rights

PROFILE = Profile("p", "s", "f", "m", "web", "web", 2, "main", ("data",), (), {})
FAST = {"spec": {"storageClassName": "fast"}}


def the_set(template: dict[str, Any]) -> dict[str, Any]:
    found = {"metadata": {"name": "data"}, **template}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {"replicas": 2, "volumeClaimTemplates": [found]},
    }


def of(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kube(api, tmp_path):
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


def waits_for_its_class(api) -> None:
    api.put("persistentvolumeclaims", "data-web-0", "trial-1", spec={}, status={"phase": "Pending"})
    about = {"kind": "PersistentVolumeClaim", "name": "data-web-0"}
    said = 'storageclass.storage.k8s.io "fast" not found'
    told = {"type": "Warning", "reason": "ProvisioningFailed", "message": said}
    api.put("events", "e", "trial-1", involvedObject=about, **told)


def test_a_class_that_went_in_the_middle_is_named_by_the_claims_own_event_at_once(api, kube):
    api.put("storageclasses", "standard")
    waits_for_its_class(api)
    with (
        pytest.raises(Untried, match="the storage class fast, for the claim template") as caught,
        deployed(PROFILE, [the_set(FAST)], kube, "trial-1", Kept()),
    ):
        pytest.fail("the body must not run")
    assert "this cluster has standard" in caught.value.seen


def test_a_class_that_came_after_all_is_no_reason_to_stop(api, kube):
    api.put("storageclasses", "fast")
    waits_for_its_class(api)
    with controlled(api), deployed(PROFILE, [the_set(FAST)], kube, "trial-1", Kept()) as alive:
        assert alive.serves


@pytest.mark.parametrize(
    ("documents", "there"),
    [
        ([of("StorageClass", "fast")], []),
        ([of("PersistentVolume", "by-hand", storageClassName="fast")], []),
        ([], [("storageclasses", {})]),
        ([], [("persistentvolumes", {"spec": {"storageClassName": "fast"}})]),
    ],
    ids=["brought along", "a volume brought along", "of the cluster", "a volume of the cluster"],
)
def test_a_class_is_there_when_anybody_brings_it_or_a_volume_of_it(documents, there, api, kube):
    for plural, fields in there:
        api.put(plural, "fast", **fields)
    demand_classes(kube, [the_set(FAST), *documents])


@pytest.mark.parametrize("claim", [{}, {"spec": {}}, {"spec": {"storageClassName": ""}}])
def test_a_claim_that_names_no_class_takes_what_the_cluster_gives(claim, kube):
    demand_classes(kube, [the_set(claim)])


def test_where_we_may_not_see_classes_nothing_is_said(api, kube):
    api.forbidden.add("storageclasses")
    demand_classes(kube, [the_set(FAST)])


def test_a_claim_beside_the_set_is_looked_at_too(kube):
    with pytest.raises(Untried, match="the storage class fast, for the claim pool"):
        demand_classes(kube, [of("PersistentVolumeClaim", "pool", storageClassName="fast")])


def demanded(kube, *faults: str) -> None:
    demand_rights(kube, "trial-1", WATCHED, [the_set(FAST)], faults)


def test_whoever_may_do_everything_is_asked_about_once(kube, monkeypatch):
    asked = list[Any]()

    def allowed(*question: Any) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(reviews, "_allowed", allowed)
    demanded(kube)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("forbidden", "faults", "said"),
    [
        ("watch pods", (), "fake may not watch pods in namespace trial-1"),
        ("nodes", (), "fake may not list, watch nodes"),
        ("list poddisruptionbudgets", (), "list poddisruptionbudgets.policy in namespace trial-1"),
        ("create namespaces", (), "fake may not create namespaces"),
        ("pods/exec", (), "create pods/exec in namespace trial-1"),
        ("create statefulsets", (), "create statefulsets.apps in namespace trial-1"),
        ("delete pods", ("pod-delete",), "delete pods in namespace trial-1"),
        ("delete statefulsets", ("set-delete",), "delete statefulsets.apps in namespace trial-1"),
        ("patch nodes", ("node-cordon",), "fake may not patch nodes"),
        ("nodes/proxy", ("node-freeze",), "fake may not get nodes/proxy"),
        ("pods/eviction", ("node-drain",), "create pods/eviction in namespace trial-1"),
        ("delete pods", ("pod-force-delete",), "delete pods in namespace trial-1"),
    ],
)
def test_every_right_that_is_lacking_is_named(forbidden, faults, said, api, kube):
    api.forbidden.add(forbidden)
    with pytest.raises(Untried) as caught:
        demanded(kube, *faults)
    assert said in caught.value.seen
    verb = forbidden.split()[0] if " " in forbidden else ""
    assert f"kubectl auth can-i {verb}" in caught.value.remedy
    assert "kubectl create clusterrolebinding seatrial-1 --clusterrole=seatrial-1 --user=fake" in (
        caught.value.remedy
    )


@pytest.mark.parametrize("forbidden", ["delete pods", "leases", "watch events", "secrets"])
def test_a_right_that_the_trial_does_not_need_may_be_lacking(forbidden, api, kube):
    api.forbidden.add(forbidden)
    demanded(kube, "scale-down")


def test_a_server_that_does_not_tell_is_tried(api, kube, monkeypatch):
    api.forbidden.add("pods")
    monkeypatch.setattr("seatrial.workload.rights._REVIEWS", "/apis/none.such/v1/reviews")
    demanded(kube)


def renewed(api, age: float, **fields: Any) -> None:
    at = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "cp_1", "leaseDurationSeconds": 15, "renewTime": at, **fields}
    api.put("leases", "kube-controller-manager", "kube-system", spec=spec)


def test_a_controller_manager_that_renews_its_lease_is_well(api, kube):
    renewed(api, 5)
    (found,) = stewards(kube)
    assert 3 <= found.age <= 7
    assert found.trouble == ""
    demand_stewards(kube)


def test_a_controller_manager_whose_lease_is_old_stands_still(api, kube):
    renewed(api, 40)
    with pytest.raises(Untried, match="a control plane that works") as caught:
        demand_stewards(kube)
    assert "the controller manager (cp_1) has not renewed its lease for" in caught.value.seen


@pytest.mark.parametrize("fields", [{"renewTime": None}, {"renewTime": "yesterday"}])
def test_a_lease_that_says_nothing_is_no_evidence(fields, api, kube):
    renewed(api, 40, **fields)
    assert [*stewards(kube)] == []


def test_leases_that_we_may_not_see_are_no_evidence(api, kube):
    renewed(api, 40)
    api.forbidden.add("leases")
    assert [*stewards(kube)] == []


def pod(*containers: ContainerStatus, init: ContainerStatus | None = None) -> Pod:
    status = PodStatus(
        phase="Pending",
        container_statuses=list(containers),
        init_container_statuses=[init] if init else [],
    )
    return Pod(metadata=Meta(name="web-0"), status=status)


ENDED = {"exitCode": 137, "reason": "OOMKilled", "message": "full\n"}
BACK_OFF = {"reason": "CrashLoopBackOff", "message": "x"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod(ContainerStatus(name="main")), "container main: runs, and is not Ready"),
        (
            pod(
                ContainerStatus(
                    name="main",
                    state=ContainerState(waiting=BACK_OFF),
                    last_state=ContainerState(terminated=ENDED),
                )
            ),
            "container main: CrashLoopBackOff x (last ended with exit code 137, OOMKilled) full",
        ),
        (
            pod(
                ContainerStatus(
                    name="main", state=ContainerState(waiting={"reason": "PodInitializing"})
                ),
                init=ContainerStatus(
                    name="restore", state=ContainerState(waiting={"reason": "ImagePullBackOff"})
                ),
            ),
            "container restore: ImagePullBackOff",
        ),
        (pod(), "no reason given"),
        (pod(ContainerStatus(name="main", ready=True)), "no reason given"),
    ],
)
def test_a_member_that_is_not_ready_says_which_container_and_why(found, said):
    assert trouble("web-0", found) == f"web-0 is Pending: {said}"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("web-0 is Pending: container main: ImagePullBackOff", "is the image's name right"),
        ("Pod web-0: Unhealthy: Readiness probe failed: 503", "its readiness probe asks"),
        ("StatefulSet web: FailedCreate: exceeded quota", "the set cannot make its pods"),
        ("node n1 is not Ready: silent", "start that node"),
        ("web-0 is Pending: Unschedulable 0/3 nodes are available", "no node takes it"),
    ],
)
def test_what_to_do_comes_from_what_was_said(line, remedy):
    (found,) = remedies([line])
    assert found.startswith(remedy)
