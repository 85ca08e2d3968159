"""The API server's audit log: written by every cluster that we make, read a namespace at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.cluster import audit
from seatrial.cluster.config import kind_config
from seatrial.cluster.shapes import shape
from seatrial.cluster.timings import TIMINGS
from seatrial.errors import CannotRun, ToolFailed
from seatrial.places import carried


def event(name: str, **changed: Any) -> dict[str, Any]:
    return {
        "kind": "Event",
        "stage": "ResponseComplete",
        "verb": "patch",
        "user": {"username": "system:node:w"},
        "userAgent": "kubelet/v1.34.4",
        "objectRef": {
            "resource": "pods", "namespace": "trial-a", "name": name, "subresource": "status"
        },
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-11-21T10:00:00.100000Z",
        "stageTimestamp": "2026-11-21T10:00:00.150000Z",
        **changed,
    }  # fmt: skip


def log(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(one) + "\n" for one in events)


class Engine:
    """An engine that says one thing, or fails."""

    def __init__(self, said: str = "", failure: str = "") -> None:
        self.said, self.failure = said, failure

    def docker(self, *argv: str) -> str:
        assert argv[:2] == ("exec", "cp")
        if self.failure:
            raise ToolFailed("docker", seen=self.failure)
        return self.said


def test_a_request_tells_who_changed_what_when_and_how_it_ended():
    (found,) = audit.requests(log(event("ledger-0")), "trial-a")
    assert (found.verb, found.resource, found.name) == ("patch", "pods/status", "ledger-0")
    assert (found.user, found.agent, found.status) == ("system:node:w", "kubelet/v1.34.4", 200)
    assert found.done - found.came == pytest.approx(0.05, rel=1e-4)


def test_requests_about_another_namespace_or_about_none_are_left_out():
    other = event("x", objectRef={"resource": "pods", "namespace": "trial-ab", "name": "x"})
    about_none = {**event("y"), "objectRef": None, "user": {"username": "trial-a"}}
    assert not list(audit.requests(log(other, about_none), "trial-a"))


def test_the_beginning_of_a_long_request_is_not_told_beside_its_end():
    begun = event("x", stage="ResponseStarted")
    assert [r.name for r in audit.requests(log(begun, event("x")), "trial-a")] == ["x"]


def test_requests_are_told_in_the_order_of_their_ends():
    later = event("later", stageTimestamp="2026-11-21T10:00:01.000000Z")
    engine: Any = Engine(log(later, event("sooner")))
    assert [r.name for r in audit.noted(engine, "cp", "trial-a")] == ["sooner", "later"]


def test_a_cluster_without_the_log_is_named_with_what_to_do():
    engine: Any = Engine(failure="grep: /var/log/kubernetes: No such file or directory")
    with pytest.raises(CannotRun, match=r"(?s)audit log.*No such file.*cluster down"):
        audit.noted(engine, "cp", "trial-a")


@pytest.mark.parametrize("timing", TIMINGS)
def test_the_api_server_finds_its_policy_and_writes_where_the_node_keeps_it(timing, tmp_path):
    audit.lay_out(tmp_path)
    made = kind_config("sea", shape("three-workers"), TIMINGS[timing], "an/image:1", tmp_path)
    mounts = made["nodes"][0]["extraMounts"]
    (policy,) = (m for m in mounts if m["containerPath"] == audit.FLAGS["audit-policy-file"])
    assert yaml.safe_load(Path(policy["hostPath"]).read_text())["kind"] == "Policy"
    documents = [yaml.safe_load(text) for text in made["kubeadmConfigPatches"]]
    for document in documents:
        if document["kind"] == "ClusterConfiguration":
            given = document["apiServer"]
            assert "audit-log-path" in str(given["extraArgs"])
            seen = {volume["mountPath"] for volume in given["extraVolumes"]}
            assert policy["containerPath"] in seen
            assert any(audit.FLAGS["audit-log-path"].startswith(path) for path in seen)


def test_the_policy_writes_no_body_of_anything():
    rules = yaml.safe_load((carried("clusters") / "audit" / "policy.yaml").read_text())["rules"]
    assert {rule["level"] for rule in rules} == {"None", "Metadata"}
    assert "resources" not in rules[-1], "what no rule names is noted"
