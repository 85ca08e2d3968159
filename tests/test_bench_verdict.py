"""What a verdict's seconds are compared with: the cluster's own path, a shell script, a poller."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, profiles
from seatrial.bench import BENCHES, chain, families, verdict
from seatrial.bench.critical import Gap, critical_path
from seatrial.bench.polled import polled
from seatrial.bench.row import Sizes
from seatrial.cli import measuring
from seatrial.cluster.audit import Request
from seatrial.faults import FAULTS
from seatrial.kube import watch
from seatrial.kube.watch import Stream
from seatrial.progress import Quiet

PROFILE = profiles.load("ledger", known=checks.CHECKS)


def request(came: float, done: float, agent: str, resource: str = "pods") -> Request:
    return Request(came, done, "patch", resource, "x", "y", "u", agent, 200)


def asked(came: float, done: float | None = None) -> Request:
    return request(came, came if done is None else done, "seatrial/0")


def moved(came: float, resource: str = "pods/status") -> Request:
    return request(came, came, "kubelet/v1", resource)


def path(*requests: Request, quiet: Sequence[tuple[float, float]] = (), end: float = 10.0) -> float:
    return critical_path(requests, "seatrial/", quiet, (0.0, end)).cluster


def test_from_our_request_to_the_clusters_last_change_is_the_clusters_time():
    assert path(asked(0), moved(1), moved(4), asked(5), moved(8)) == 4 + 3


def test_what_we_wait_after_the_last_change_is_ours():
    found = critical_path([asked(0), moved(4)], "seatrial/", (), (0.0, 10.0))
    assert (found.cluster, found.ours) == (4, 6)


def test_what_was_ours_is_told_with_its_place_the_longest_first():
    requests = [asked(0), moved(4), asked(5), moved(6)]
    found = critical_path(requests, "seatrial/", (), (0.0, 10.0))
    assert found.gaps == (Gap(4, 6, "the end"), Gap(1, 4, "patch pods y"))
    assert critical_path([], "seatrial/", (), (0.0, 2.0)).gaps == (Gap(2, 0, "the end"),)


def test_a_change_that_is_told_before_its_request_is_done_is_the_clusters_still():
    slow = request(4, 5.2, "kubelet/v1", "pods/status")
    assert path(asked(0), slow, asked(5), end=5) == 5


def test_a_change_that_nobody_waits_for_hides_nothing():
    assert path(asked(0), moved(4), moved(9, "endpointslices")) == 4


def test_a_request_under_way_is_not_our_idleness():
    assert path(asked(0, 3)) == 3


def test_watching_on_purpose_that_nothing_moves_is_no_idleness_either():
    assert path(asked(0), moved(2), quiet=[(2, 6)]) == 6


def test_nothing_of_ours_is_no_path():
    assert path(moved(1), moved(5)) == 0


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 3), st.booleans()), max_size=30),
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 3)), max_size=5),
)
def test_the_path_is_never_longer_than_the_trial(events, quiet):
    agents = {True: "seatrial/0", False: "kubelet/v1"}
    requests = [request(came, came + took, agents[ours]) for came, took, ours in events]
    found = critical_path(requests, "seatrial/", [(a, a + b) for a, b in quiet], (0.0, 10.0))
    assert 0 <= found.cluster <= 10 + 1e-9
    assert found.cluster + found.ours == pytest.approx(10)
    assert sum(gap.seconds for gap in found.gaps) == pytest.approx(found.ours)


def test_a_poller_sees_a_change_only_at_its_next_look():
    with polled(0.5):
        stream = Stream.__new__(Stream)
        stream.changed = vars(watch)["threading"].Condition(threading.RLock())
    began = time.monotonic()

    def change() -> None:
        with stream.changed:
            stream.changed.notify_all()

    threading.Timer(0.05, change).start()
    with stream.changed:
        stream.changed.wait(30)
    assert time.monotonic() - began >= 0.5


def test_nobody_polls_once_the_measurement_is_over():
    with polled():
        pass
    assert vars(watch)["threading"] is threading


def shell(said: list[tuple[str, ...]]) -> chain.Shell:
    class Deaf(chain.Shell):
        def run(self, *words: str, document: object = None) -> str:
            said.append(words)
            return "{}" if document is None else ""

    return Deaf((), "x", PROFILE)


SIMPLE = [name for name in chain.STEPS if name not in {"broken-update", "set-delete", "set-orphan"}]


@pytest.mark.parametrize("fault", SIMPLE)
def test_each_chain_changes_something_and_waits_by_kubectl(fault):
    said: list[tuple[str, ...]] = []
    chain.STEPS[fault](shell(said), 0 if fault != "scale-down" else 1)
    verbs = [words[0] for words in said]
    assert {"wait", "rollout"} & set(verbs)
    assert {"delete", "patch", "scale", "create"} & set(verbs)


def test_every_chain_is_of_a_fault_that_there_is():
    assert set(chain.STEPS) <= set(FAULTS)


@pytest.mark.parametrize("family", ["identity", "storage", "ordering"])
def test_a_family_is_tried_by_faults_that_kubectl_can_cause(family):
    plan = verdict._plan(family, PROFILE, 1)
    assert plan.faults
    assert {planned.fault for planned in plan.faults} <= set(chain.STEPS)


def test_a_group_of_rows_is_named_by_how_they_begin():
    rows = [row.name for row in measuring._named("verdict")]
    assert len(rows) == 9
    assert all(BENCHES[name].cluster for name in rows)
    assert len(measuring._named("verdict-storage")) == 3
    assert not any(row.cluster for row in measuring._named(""))


def test_the_rows_of_a_family_share_one_measurement(monkeypatch):
    taken: list[str] = []

    def measure(family: str, *_: Any) -> verdict.Session:
        taken.append(family)
        return verdict.Session([10.0], [9.5], [11.0], [40.0])

    monkeypatch.setattr(verdict, "_measured", measure)
    monkeypatch.setattr(verdict, "_SESSIONS", {})
    monkeypatch.setattr(verdict, "grounded", lambda *_, **__: nullcontext())
    for row in measuring._named("verdict-storage"):
        ours, peer = row.measure(Quiet(), Sizes())
        assert ours == [10.0]
        assert peer in ([9.5], [11.0], [40.0])
    assert taken == ["storage"]


def test_a_familys_ids_that_break_a_machine_are_tried_alone():
    assert "identity.at-most-one" not in families._apart("ledger", "identity")
    assert "identity.hostname" in families._apart("ledger", "identity")
    assert families._apart("etcd", "topology", disruptive=True) == ["topology.redundancy"]


OF_STATES = [name for name in checks.CHECKS if name.split(".")[0] in dict(families.STATES).values()]


@pytest.mark.parametrize("guarantee", OF_STATES)
def test_each_promise_of_a_family_of_states_is_measured_by_a_subject_that_claims_it(guarantee):
    subjects = [name for name, family in families.STATES if guarantee.startswith(f"{family}.")]
    assert any(guarantee in verdict.subject(name).claims for name in subjects)


def test_what_breaks_a_machine_begins_when_all_others_have_ended(monkeypatch):
    told: list[tuple[str, bool]] = []

    def judged(guarantees: Sequence[str], name: str, seed: int, **_: object) -> float:
        told.append((name, any(checks.CHECKS[one].disruptive for one in guarantees)))
        return float(seed)

    monkeypatch.setattr(families, "_judged", judged)
    assert families._states(1, Quiet()) >= 0
    assert [breaks for _, breaks in told] == sorted(breaks for _, breaks in told)
    assert {name for name, breaks in told if not breaks} == {name for name, _ in families.STATES}
    assert {name for name, breaks in told if breaks} == {"grpc-echo", "grpc-envoy", "etcd"}


def test_the_machines_busy_seconds_grow_by_what_runs():
    before, began = families._busy(), time.process_time()
    while time.process_time() - began < 0.3:
        sum(range(1000))
    assert families._busy() - before >= 0.2
