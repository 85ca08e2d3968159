"""What a fault waits for: read from one word, seen on the watch, told whether it came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, profiles, timing, triggers
from seatrial import plan as plans
from seatrial.arming import armed, missing, states, unphased
from seatrial.cli.trial import known_faults
from seatrial.errors import BadInput, CannotRun, NotReady
from seatrial.faults.targets import Targets
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.model import PlannedFault
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.timing import Limit
from seatrial.triggers import Trigger

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
SOON = 10.0
SOON_LIMIT = Limit("soon", SOON)


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("5s", Trigger("5s", seconds=5)),
        ("0.5s", Trigger("0.5s", seconds=0.5)),
        ("writes=1000", Trigger("writes=1000", writes=1000)),
        (
            "pod/1=Terminating",
            Trigger("pod/1=Terminating", what="pod", ordinal=1, state="Terminating"),
        ),
        ("claim/12=Bound", Trigger("claim/12=Bound", what="claim", ordinal=12, state="Bound")),
        ("backups=Running", Trigger("backups=Running", what="backups", state="Running")),
        ("leader", Trigger("leader", role="leader")),
        ("writes=9+leader", Trigger("writes=9+leader", writes=9, role="leader")),
        ("0s+leader", Trigger("0s+leader", role="leader")),
    ],
)
def test_a_trigger_is_one_word(word, read):
    assert triggers.read(word) == read


@pytest.mark.parametrize(
    "word",
    [
        "",
        "+leader",
        "leader+5s",
        "5s+",
        "leader+leader",
        "5s+writes=1",
        "5",
        "-5s",
        "nans",
        "writes=0",
        "pod/1=Bound",
        "claim/1=Ready",
        "pod/x=Gone",
        "s",
    ],
)
def test_what_is_no_trigger_is_refused_with_what_is_one(word):
    with pytest.raises(BadInput, match="SECONDSs, writes=COUNT, pod/ORDINAL=Gone") as caught:
        triggers.read(word)
    assert "partition@pod/1=Terminating" in caught.value.remedy


@given(st.text(max_size=30))
def test_any_text_is_read_as_it_is_written_or_refused(word):
    try:
        assert triggers.read(word).word == word
    except BadInput:
        assert word not in {"5s", "writes=1", "pod/1=Gone"}


@pytest.mark.parametrize("word", ["pod-delete@", "pod-delete@noon", "pod-delete@5s@6s"])
def test_a_wrong_trigger_is_refused_before_anything_is_touched(word):
    with pytest.raises(BadInput, match="a trigger"):
        known_faults([word])


def test_a_fault_with_a_trigger_is_a_fault():
    assert known_faults(["partition@5s", "pod-delete:2@writes=9"])
    with pytest.raises(BadInput, match="faults out of"):
        known_faults(["partitoin@5s"])


@dataclass
class Live:
    """A trial on the fake API server; every break is told, and `breaks` hears of it."""

    api: FakeApi
    stream: Stream
    recorder: Kept = field(default_factory=Kept)
    told: list[tuple[object, ...]] = field(default_factory=list)
    acknowledged: threading.Event = field(default_factory=threading.Event)
    breaks: Callable[[], None] = lambda: None

    @property
    def alive(self) -> Any:
        return SimpleNamespace(stream=self.stream, until_ready=lambda: None)

    @property
    def scene(self) -> Any:
        return SimpleNamespace(name=lambda ordinal: f"web-{ordinal}")

    @property
    def job(self) -> Any:
        return SimpleNamespace(profile=SimpleNamespace(claim_templates=("data", "log")))

    @property
    def driver(self) -> Any:
        return SimpleNamespace(until_load=self._load)

    everybody = range(3)

    def _load(self, count: int, ordinals: range, _: Any) -> None:
        assert (count, ordinals) == (1000, range(3))
        assert self.acknowledged.wait(SOON)

    @contextmanager
    def broken(self, fault: str, ordinal: int) -> Any:
        self.told.append((fault, ordinal))
        self.breaks()
        yield {}

    def ask(self, ordinals: tuple[int, ...]) -> None:
        self.told.append(("ask", *ordinals))

    def pod(self, ordinal: int, **meta: Any) -> None:
        self.api.put("pods", f"web-{ordinal}", "x", metadata=meta, status=READY)

    @property
    def words(self) -> list[tuple[str, str, str]]:
        return [
            (op.value["fault"], op.value["trigger"], op.outcome.value)
            for op in self.recorder.of("trigger")
        ]


@pytest.fixture
def live(tmp_path):
    with fake_api() as api:
        api.kubelets = False
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        with Stream(kube, ("pods", "persistentvolumeclaims"), "x") as stream:
            found = Live(api, stream)
            for ordinal in range(3):
                found.pod(ordinal)
            seen = timing.Limit("the pods are seen", SOON)
            timing.wait(stream, lambda s: None if len(s.items("pods")) == 3 else "no", seen)
            yield found


def planned(trigger: str, *ordinals: int) -> PlannedFault:
    return PlannedFault("partition", ordinals or (2,), trigger)


def test_a_fault_waits_until_the_watch_shows_the_state(live):
    with armed(live, [planned("pod/1=Terminating")]):
        live.pod(0, deletionTimestamp="2026-01-01T00:00:00Z")
        assert live.told == []
        live.pod(1, deletionTimestamp="2026-01-01T00:00:00Z")
    assert live.told == [("partition", 2), ("ask", 2)]
    assert live.words == [("partition", "pod/1=Terminating", "ok")]


def test_any_claim_of_a_member_will_do_and_no_other_members(live):
    claims = "persistentvolumeclaims"
    with armed(live, [planned("claim/1=Bound")]):
        live.api.put(claims, "data-web-0", "x", status={"phase": "Bound"})
        live.api.put(claims, "data-web-1", "x", status={"phase": "Pending"})
        live.api.put(claims, "log-web-1", "x", status={"phase": "Bound"})
    assert live.told[0] == ("partition", 2)


def test_a_time_is_waited_for_beside_the_body(live):
    with armed(live, [planned("0.2s")]):
        assert live.told == []
    assert live.told[0] == ("partition", 2)
    (op,) = live.recorder.of("trigger")
    assert op.completed - op.invoked >= 0.2


def test_a_load_is_waited_for_by_the_drivers_word(live):
    with armed(live, [planned("writes=1000")]):
        assert live.told == []
        live.acknowledged.set()
    assert live.told[0] == ("partition", 2)


def test_a_trigger_that_never_comes_is_told_and_nothing_is_broken(live, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "a trigger comes", 0.2)
    with (
        pytest.raises(NotReady, match="pod web-1 is Running, Ready"),
        armed(live, [planned("pod/1=Gone")]),
    ):
        pass
    assert live.told == []
    assert live.words == [("partition", "pod/1=Gone", "info")]
    (op,) = live.recorder.of("trigger")
    assert "web-1 is Running" in op.value["note"]


def test_a_body_that_fails_calls_off_who_waits(live):
    with pytest.raises(ZeroDivisionError), armed(live, [planned("pod/1=Gone"), planned("600s")]):
        raise ZeroDivisionError
    assert live.told == []
    assert {outcome for _, _, outcome in live.words} == {"info"}


def test_each_round_waits_for_itself(live):
    live.breaks = lambda: live.api.remove("pods", "web-1", "x") if len(live.told) > 1 else None
    with armed(live, [planned("0.1s", 2, 2)]):
        pass
    assert [one for one in live.told if one[0] == "partition"] == [("partition", 2)] * 2
    assert len(live.words) == 2


def test_states_are_told_by_the_words_of_triggers(live):
    assert states(None) == ("Gone",)
    assert states(live.stream.items("pods")["web-0"]) == ("Running", "Ready")
    trigger = triggers.read("pod/7=Gone")
    assert missing(trigger, ("web-7",), live.stream) is None
    assert "web-0 is Running" in str(missing(trigger, ("web-0",), live.stream))


def test_two_faults_never_meet_in_one_target():
    targets = Targets()
    with targets.claimed("web-1", "pod-delete"):
        with (
            pytest.raises(CannotRun, match="pod-delete is breaking it now"),
            targets.claimed("web-1", "partition"),
        ):
            pytest.fail("the second must be refused")
        with targets.claimed("web-2", "partition"):
            pass
    with targets.claimed("web-1", "partition"):
        pass


def test_a_phase_of_a_custom_resource_is_seen(tmp_path):
    resource, trigger = "backups.recovery.example.org/v1", triggers.read("backups=Running")
    with fake_api(FakeApi()) as api:
        api.define(resource, "Backup")
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        with Stream(kube, (resource,), "x") as stream:
            assert "there are none" in str(unphased(trigger, resource, stream))
            api.put("backups", "first", "x", status={"phase": "Complete"})
            api.put("backups", "second", "x")
            timing.wait(stream, lambda s: None if len(s.items(resource)) > 1 else "", SOON_LIMIT)
            said = str(unphased(trigger, resource, stream))
            assert "first is Complete; second is (none)" in said
            api.put("backups", "second", "x", status={"phase": "Running"})
            timing.wait(stream, lambda s: unphased(trigger, resource, s), SOON_LIMIT)


def test_a_resource_that_the_profile_does_not_watch_is_refused_before_anything_is_touched():
    ledger = profiles.load("ledger", known=checks.CHECKS)
    with pytest.raises(BadInput, match="a resource that ledger watches: none"):
        plans.planned(ledger, [], seed=1, shape="s", timing="fast", kubernetes="1.34", command="",
                faults=["pod-delete@backups=Running"])  # fmt: skip
