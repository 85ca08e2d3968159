"""Timing profiles are published knobs, and what a cluster really has is read back in seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from seatrial.cluster import timings
from seatrial.cluster.timings import TIMINGS, Timing, check, effective, patches, seconds, timing
from seatrial.errors import BadInput, CannotRun
from seatrial.kube.client import ApiFailed, Kube

HELP = """
Generic flags:
      --default-not-ready-toleration-seconds int      Indicates the tolerationSeconds of the \
toleration for notReady:NoExecute that is added by default. (default 300)
      --default-unreachable-toleration-seconds int    The same. (default 300)
      --node-monitor-grace-period duration            Amount of time. (default 50s)
      --node-monitor-period duration                  The period. (default 5s)
      --other string                                  No default.
"""


class FakeKube(Kube):
    """An API server that holds two static pods and the kubelets of some nodes."""

    flags: Mapping[str, list[str]]
    kubelets: Mapping[str, Any]

    def __init__(self, flags: Mapping[str, list[str]], kubelets: Mapping[str, Any]) -> None:
        object.__setattr__(self, "flags", flags)
        object.__setattr__(self, "kubelets", kubelets)

    def get(self, path: str, **_: str) -> dict[str, Any]:
        if path.endswith("/proxy/configz"):
            return {"kubeletconfig": self.kubelets[path.split("/")[4]]}
        program = path.rsplit("/", 1)[1].removesuffix("-cp")
        return {"spec": {"containers": [{"command": [program, *self.flags.get(program, [])]}]}}

    def run(self, *_: object) -> str:
        return HELP


SHIPPED = {
    "nodeLeaseDurationSeconds": 40,
    "nodeStatusUpdateFrequency": "10s",
    "nodeStatusReportFrequency": "5m0s",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("1m30s", 90),
        ("5m0s", 300),
        ("2", 2),
        (4, 4),
        ("1h0.5s", 3600.5),
    ],
)
def test_durations_are_read_as_go_writes_them(text, value):
    assert seconds(text) == value


def test_what_is_not_set_is_read_from_the_programs_own_help():
    found = effective(FakeKube({}, {"a": SHIPPED, "b": SHIPPED}), "cp", ["a", "b"])
    assert found == {
        "kube-apiserver": {
            "default-not-ready-toleration-seconds": 300,
            "default-unreachable-toleration-seconds": 300,
        },
        "kube-controller-manager": {"node-monitor-period": 5, "node-monitor-grace-period": 50},
        "kubelet": {
            "nodeLeaseDurationSeconds": 40,
            "nodeStatusUpdateFrequency": 10,
            "nodeStatusReportFrequency": 300,
        },
    }


def test_a_command_line_goes_before_the_help():
    flags = {"kube-controller-manager": ["--node-monitor-grace-period=10s"]}
    found = effective(FakeKube(flags, {"a": SHIPPED}), "cp", ["a"])
    assert found["kube-controller-manager"] == {
        "node-monitor-period": 5, "node-monitor-grace-period": 10,
    }  # fmt: skip


def test_a_cluster_that_lets_nobody_look_has_no_value_rather_than_a_guess(monkeypatch):
    def refuse(*_):
        raise ApiFailed("exec", seen="forbidden", status=403)

    monkeypatch.setattr(FakeKube, "run", refuse)
    found = effective(FakeKube({}, {"a": SHIPPED}), "cp", ["a"])
    assert found["kube-apiserver"] == {}


def test_kubelets_that_differ_are_an_error_that_names_both():
    other = {**SHIPPED, "nodeLeaseDurationSeconds": 4}
    with pytest.raises(CannotRun, match=r"(?s)a: .*b: "):
        effective(FakeKube({}, {"a": SHIPPED, "b": other}), "cp", ["a", "b"])


@pytest.mark.parametrize("name", TIMINGS)
def test_every_timing_agrees_with_itself_and_reads_back_every_knob_it_sets(name):
    wanted = TIMINGS[name]
    check(wanted, wanted.wanted)
    for program, knobs in wanted.settings.items():
        assert set(knobs) <= set(timings._READ[program])


def test_a_value_that_did_not_arrive_is_an_error():
    found = {**TIMINGS["fast"].wanted, "kube-controller-manager": {"node-monitor-period": 0.5}}
    with pytest.raises(CannotRun, match=r"node-monitor-grace-period = 10 s.*\n.*no such setting"):
        check(TIMINGS["fast"], found)


def test_default_sets_nothing_so_that_what_kubernetes_ships_is_tried():
    for document in map(yaml.safe_load, patches(TIMINGS["default"], {}, ())):
        assert not document["apiServer"]["extraArgs"]
        assert not document["controllerManager"]["extraArgs"]


def test_each_version_of_kubeadm_gets_its_own_form_of_arguments():
    documents = [yaml.safe_load(text) for text in patches(TIMINGS["fast"], {"v": "2"}, ())]
    by = {document.get("apiVersion", document["kind"]): document for document in documents}
    old, new = (by[f"kubeadm.k8s.io/v1beta{n}"]["controllerManager"]["extraArgs"] for n in (3, 4))
    assert old == {arg["name"]: arg["value"] for arg in new}
    assert all(isinstance(value, str) for value in old.values()), "kubeadm takes strings only"
    server = by["kubeadm.k8s.io/v1beta4"]["apiServer"]["extraArgs"]
    assert {"name": "v", "value": "2"} in server, "what the API server is given besides"


def test_fast_leaves_a_slow_machine_ten_renewals_of_the_lease():
    wanted = TIMINGS["fast"].wanted
    renewal = wanted["kubelet"]["nodeLeaseDurationSeconds"] / 4
    assert wanted["kube-controller-manager"]["node-monitor-grace-period"] >= 10 * renewal


def test_an_unknown_timing_is_answered_with_the_nearest():
    with pytest.raises(BadInput, match="did you mean fast"):
        timing("fats")


def test_effective_timings_are_json():
    assert json.loads(json.dumps(Timing("x", "y").wanted)) == {}
