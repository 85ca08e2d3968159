"""What an Op keeps of each kind: plain JSON, bounded, in words that checks can rely on."""

import json

import msgspec
import pytest

from seatrial.kube.kinds import KINDS, facts, kind_of
from seatrial.testing.state import builtin

META = {"name": "a", "namespace": "x", "uid": "u", "resourceVersion": "7"}
OWNER = {"kind": "StatefulSet", "name": "web", "uid": "s", "controller": True}
CUSTOM = "restores.recovery.seatrial.dev/v1"


def told(name: str, **fields):
    """Give what an Op keeps of an object that the server sends so."""
    kind = kind_of(name)
    raw = json.dumps({"metadata": META} | fields)
    return facts(kind, "ADDED", msgspec.json.decode(raw, type=kind.struct))


@pytest.mark.parametrize("name", [*KINDS, CUSTOM])
def test_whatever_an_op_keeps_is_plain_json_also_of_an_object_that_says_nothing(name):
    kept = told(name)
    assert json.loads(json.dumps(kept)) == kept
    assert {key: kept[key] for key in ("event", "rv", "namespace", "name", "uid", "deleting")} == {
        "event": "ADDED", "rv": 7, "namespace": "x", "name": "a", "uid": "u", "deleting": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_the_fake_serves_every_kind_of_the_table_where_the_table_says(name):
    kind = KINDS[name]
    assert builtin()[kind.path][name][1] == kind.namespaced


def test_every_kind_names_its_ops_differently():
    assert len({kind.what for kind in KINDS.values()}) == len(KINDS)


def test_a_lease_says_who_holds_it_since_when_and_for_how_long():
    spec = {
        "holderIdentity": "n1",
        "renewTime": "2026-01-01T00:00:00.000001Z",
        "leaseDurationSeconds": 40,
        "leaseTransitions": 2,
    }
    kept = told("leases", spec=spec)
    assert (kept["holder"], kept["seconds"], kept["transitions"]) == ("n1", 40, 2)
    assert kept["renewed"] == spec["renewTime"]


def test_a_slice_says_which_pods_are_behind_a_service_and_an_unknown_readiness_is_ready():
    meta = {**META, "labels": {"kubernetes.io/service-name": "web"}}
    target = {"kind": "Pod", "name": "web-0", "uid": "p"}
    ready = {"addresses": ["10.0.0.1"], "targetRef": target, "nodeName": "n1", "hostname": "web-0"}
    ending = {"addresses": ["10.0.0.2"], "conditions": {"ready": False, "terminating": True}}
    kept = told("endpointslices", metadata=meta, endpoints=[ready, ending])
    assert kept["service"] == "web"
    first, second = kept["endpoints"]
    assert first == {
        "pod": "web-0", "uid": "p", "node": "n1", "hostname": "web-0", "addresses": ["10.0.0.1"],
        "ready": True, "serving": True, "terminating": False,
    }  # fmt: skip
    assert (second["ready"], second["serving"], second["terminating"]) == (False, True, True)


def test_a_slice_without_any_endpoint_comes_as_null_and_is_empty():
    assert told("endpointslices", endpoints=None)["endpoints"] == []


def test_a_service_says_whether_it_is_headless_and_whom_it_selects():
    spec = {
        "clusterIP": "None",
        "selector": {"app": "web"},
        "ports": [{"port": 80, "name": "http", "targetPort": "http"}, {"port": 53}],
        "publishNotReadyAddresses": True,
    }
    kept = told("services", spec=spec)
    assert kept["headless"] is True
    assert kept["unready_too"] is True
    assert kept["selector"] == {"app": "web"}
    assert kept["ports"] == ["http:80/TCP", "53/TCP"]


@pytest.mark.parametrize(
    ("fields", "last", "times", "by"),
    [
        (
            {"count": 3, "lastTimestamp": "t3", "source": {"component": "kubelet"}},
            "t3",
            3,
            "kubelet",
        ),
        ({"eventTime": "t1", "reportingComponent": "scheduler"}, "t1", 1, "scheduler"),
        ({"eventTime": "t1", "series": {"count": 5, "lastObservedTime": "t5"}}, "t5", 5, ""),
        ({"firstTimestamp": None, "lastTimestamp": None, "eventTime": None}, "", 1, ""),
    ],
)
def test_an_event_of_an_older_or_a_newer_sender_says_when_how_often_and_who(
    fields, last, times, by
):
    about = {"kind": "Pod", "name": "web-0", "uid": "p", "namespace": "x"}
    words = {"type": "Warning", "reason": "BackOff", "message": "m" * 5000}
    kept = told("events", involvedObject=about, **words, **fields)
    assert (kept["last"], kept["times"], kept["by"]) == (last, times, by)
    assert kept["about"] == {"kind": "Pod", "name": "web-0", "uid": "p"}
    assert len(kept["message"]) == 1024


def test_a_revision_names_its_number_and_its_set():
    kept = told("controllerrevisions", metadata={**META, "ownerReferences": [OWNER]}, revision=4)
    assert (kept["revision"], kept["owner"]) == (4, "s")


def test_a_custom_resource_keeps_spec_and_status_as_they_are():
    kept = told(CUSTOM, spec={"from": ["a", 1]}, status={"phase": "Done"})
    assert kept["resource"] == CUSTOM
    assert kept["spec"] == {"from": ["a", 1]}
    assert kept["status"] == {"phase": "Done"}


def test_of_a_custom_resource_that_is_too_large_an_op_keeps_how_large_it_is():
    kept = told(CUSTOM, spec={"text": "é" * 5000}, status={"phase": "Done"})
    assert kept["spec"] == {"left out": "10011 bytes"}
    assert kept["status"] == {"phase": "Done"}
    assert len(json.dumps(kept)) < 1000


def test_a_pod_whose_init_container_will_not_go_says_what_that_said_last():
    failed = {"exitCode": 1, "reason": "Error", "message": "the store is away"}
    back_off = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    first = {
        "name": "restore",
        "ready": False,
        "state": back_off,
        "lastState": {"terminated": failed},
    }
    done = {"name": "found", "ready": True, "state": {"terminated": {"reason": "Completed"}}}
    waiting = {"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}
    status = {"initContainerStatuses": [done, first], "containerStatuses": [waiting]}
    assert told("pods", status=status)["trouble"] == (
        "CrashLoopBackOff back-off 10s the store is away; PodInitializing"
    )


def test_a_pod_that_ends_says_how_each_container_did_and_what_it_was_given():
    killed = {"terminated": {"exitCode": 137, "reason": "Error", "finishedAt": "t1"}}
    statuses = [{"name": "main", "state": killed}, {"name": "beside", "state": {"running": {}}}]
    meta = {**META, "deletionTimestamp": "t2", "deletionGracePeriodSeconds": 5}
    spec = {"terminationGracePeriodSeconds": 30}
    kept = told("pods", metadata=meta, spec=spec, status={"containerStatuses": statuses})
    assert kept["terminated"] == {"main": {"exit": 137, "reason": "Error", "finished": "t1"}}
    assert (kept["grace"], kept["declared_grace"], kept["due"]) == (5, 30, "t2")


def test_a_pod_that_nobody_told_to_go_is_given_nothing():
    kept = told("pods")
    assert (kept["terminated"], kept["grace"], kept["due"]) == ({}, None, "")


def test_a_container_that_runs_again_is_not_blamed_for_its_last_end():
    last = {"terminated": {"exitCode": 1, "message": "long ago"}}
    status = {"containerStatuses": [{"name": "main", "ready": True, "lastState": last}]}
    assert told("pods", status=status)["trouble"] == ""


def test_restarts_are_counted_by_container_agents_that_are_init_containers_too():
    main = {"name": "main", "restartCount": 1, "containerID": "containerd://m"}
    agent = {"name": "agent", "restartCount": 4, "containerID": "containerd://a"}
    status = {"containerStatuses": [main], "initContainerStatuses": [agent]}
    kept = told("pods", status=status)
    assert kept["restarts_of"] == {"main": 1, "agent": 4}
    assert (kept["restarts"], kept["containers"]) == (1, {"main": "containerd://m"})


def test_a_set_says_who_wrote_its_spec_and_how_often_it_changed():
    scaled = {"manager": "kubectl", "operation": "Update", "subresource": "scale", "time": "T"}
    counted = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"}
    fields: dict[str, object] = {"f:spec": {"f:replicas": {}}}
    meta = {**META, "generation": 4, "managedFields": [{**scaled, "fieldsV1": fields}, counted]}
    kept = told("statefulsets", metadata=meta)
    assert (kept["generation"], kept["writers"]) == (4, [["kubectl", "Update", "scale", "T"]])
