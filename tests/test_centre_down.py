"""The fault centre-down on the fake API server: proved, healed, and undone after any SIGKILL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seatrial import profiles
from seatrial.centre import Centre
from seatrial.checks import CHECKS
from seatrial.cli.trial import demand_declared
from seatrial.errors import BadInput, CannotRun, NotReady, ToolFailed
from seatrial.faults import FAULTS, broken
from seatrial.faults.journal import Journal
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.kube.client import Kube
from seatrial.plan import planned
from seatrial.testing import FakeApi, Kept, fake_api, revised
from seatrial.testing.dying import killed_at
from seatrial.testing.kept import proof, stages
from seatrial.testing.revised import Revised
from seatrial.testing.staging import staging
from seatrial.timing import _SECONDS, Limit, wait

SOON = Limit("the test's own patience", 20)
KINDS = ("pods", "statefulsets", "endpointslices")
FAULT = FAULTS["centre-down"]
DEPLOYMENT = "/apis/apps/v1/namespaces/x/deployments/centre"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/x/endpointslices"
CENTRE = Centre("centre", "front", ("ask",), ("publish",), ("taken",))


@dataclass
class Centred(Revised):
    """Plays the Deployment's controller and that of the slices, too.

    `needs`: a member is Ready only while the centre is there.
    """

    needs: bool = False
    stays: bool = False

    def step(self) -> bool:
        before = self.api.version
        found = self.api.of("deployments").get("x/centre")
        if found:
            self._lead(there=found["spec"]["replicas"] > 0 or self.stays)
        return super().step() or self.api.version != before

    def _lead(self, *, there: bool) -> None:
        known = self.api.of("endpointslices").get("x/front-1")
        wanted = [{"addresses": ["10.0.0.9"], "conditions": {"ready": True}}] * there
        if known is None or known["endpoints"] != wanted:
            meta = {"labels": {"kubernetes.io/service-name": "front"}}
            self.api.put("endpointslices", "front-1", "x", metadata=meta, endpoints=wanted)
            self._notice(there=there)

    def _notice(self, *, there: bool) -> None:
        """Let who was waiting for the centre be Ready."""
        self.serves = lambda _: there or not self.needs
        for key, pod in self.api.of("pods").items():
            if there and self.needs and pod["status"].get("phase") == "Running":
                status = {"conditions": [{"type": "Ready", "status": "True"}]}
                self.api.put("pods", key.split("/")[1], "x", status={**pod["status"], **status})


class Inside:
    """What a member answers to commands, by what the API server says of the centre."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.always: dict[str, str] = {}
        self.never: set[str] = set()

    def run(self, kube: Kube, space: str, pod: str, box: str, argv: Sequence[str], _: Limit) -> str:
        assert (space, box) == ("x", "web")
        self.told.append((pod, *argv))
        word = argv[0]
        if word in self.always:
            return self.always[word]
        there = any(one["endpoints"] for one in kube.get(SLICES)["items"])
        if word in self.never or (not there and word != "true"):
            raise ToolFailed(word, seen=f"{word}: connection refused")
        return f"{word} done\n"


@pytest.fixture(autouse=True)
def inside(monkeypatch, tmp_path) -> Inside:
    monkeypatch.setitem(_SECONDS, "a member starts without its centre", 0.3)
    monkeypatch.setitem(_SECONDS, "a centre answers", 1.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = Inside()
    tells = lambda kube, *rest: found.run(kube, *rest)  # noqa: E731, PLW0108 - a method is bound
    monkeypatch.setattr(Kube, "run", tells)
    return found


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api(FakeApi(lingering={"pods"})) as running:
        running.put("namespaces", "x")
        yield running


@contextmanager
def staged(
    api: FakeApi, folder: Path, centre: Centre | None = CENTRE, **how: Any
) -> Iterator[Scene]:
    deploy(api)
    spec = {"replicas": 3, "template": {"spec": {"containers": []}}}
    api.put("statefulsets", "web", "x", kind="StatefulSet", apiVersion="apps/v1", spec=spec)
    shown = staging(api, folder, *KINDS, journal=Journal(), container="web", centre=centre)
    with revised(Centred(api, **how)), shown as scene:
        wait(scene.stream, lambda _: scene.unready(range(3)), SOON)
        wait(scene.stream, lambda s: None if s.items("endpointslices") else "no slice", SOON)
        yield scene


def deploy(api: FakeApi, replicas: int = 2) -> None:
    api.put("deployments", "centre", "x", apiVersion="apps/v1", spec={"replicas": replicas})


def replicas(api: FakeApi) -> int:
    found: int = api.of("deployments")["x/centre"]["spec"]["replicas"]
    return found


def test_a_centre_is_away_a_member_starts_without_it_and_it_comes_back(api, tmp_path, inside):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        uids = {n: scene.pod(n).metadata.uid for n in range(3)}
        with broken(FAULT, scene, 1, kept) as receipt:
            assert replicas(api) == 0
            assert receipt["centre"]["endpoints"] == []
            assert "connection refused" in receipt["centre"]["refused"]
            assert receipt["centre"]["said"] == "ask done"
            assert (receipt["uid"], receipt["ready"]) == (uids[1], True)
            assert receipt["started"]["uid"] == scene.pod(1).metadata.uid != uids[1]
            (entry,), _ = Journal().read()
            assert [(s.do, s.path, s.value) for s in entry.undo] == [("scale", DEPLOYMENT, 2)]
        assert {n: scene.pod(n).metadata.uid for n in (0, 2)} == {n: uids[n] for n in (0, 2)}
    assert replicas(api) == 2
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    healed = proof(kept, "healed")
    assert healed["centre"] == {
        "deployment": "centre", "service": "front", "replicas": 2, "endpoints": ["10.0.0.9"],
        "said": "ask done",
    }  # fmt: skip
    word = uids[1][:8]
    assert healed["changed"] == {"word": word, "published": "publish done", "late": {}}
    asked = [told for told in inside.told if told[1] == "taken"]
    assert asked == [(f"web-{n}", "taken", word) for n in range(3)]
    assert Journal().read() == ([], {})


def test_a_member_that_does_not_start_without_its_centre_is_told_so(api, tmp_path):
    kept = Kept()
    with (
        staged(api, tmp_path, needs=True) as scene,
        broken(FAULT, scene, 0, kept) as receipt,
    ):
        assert receipt["ready"] is False
        assert receipt["started"]["pod"] == "web-0"
    assert stages(kept)[-1] == "healed"


def test_who_does_not_take_a_change_up_is_named(api, tmp_path, inside):
    kept = Kept()
    inside.never.add("taken")
    with staged(api, tmp_path) as scene, broken(FAULT, scene, 0, kept):
        pass
    late = proof(kept, "healed")["changed"]["late"]
    assert late == {f"web-{n}": "taken: connection refused" for n in range(3)}


def test_where_nothing_can_be_changed_nothing_is(api, tmp_path, inside):
    kept, plain = Kept(), Centre("centre", "front", ("ask",))
    with staged(api, tmp_path, plain) as scene, broken(FAULT, scene, 0, kept):
        pass
    assert proof(kept, "healed")["changed"] == {}
    assert {told[1] for told in inside.told} == {"ask", "true"}


def refused(api: FakeApi, scene: Scene, kept: Kept) -> str:
    """Give why it was refused; the centre must be as it was."""
    before = api.of("deployments")
    with pytest.raises((CannotRun, NotReady)) as caught, broken(FAULT, scene, 0, kept):
        pytest.fail("it must not have a receipt")
    assert api.of("deployments").keys() == before.keys()
    assert "receipt" not in stages(kept)
    assert Journal().read() == ([], {})
    return str(caught.value)


def test_a_profile_without_a_centre_is_refused_before_anything_is_done(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path, None) as scene:
        said = refused(api, scene, kept)
    assert "the profile names none" in said
    assert "docs/add-a-profile.md" in said
    assert stages(kept) == ["planned", "stopped"]


@pytest.mark.parametrize("there", [False, True])
def test_a_centre_that_does_not_run_is_refused(there, api, tmp_path):
    with staged(api, tmp_path) as scene:
        if there:
            deploy(api, 0)
        else:
            api.remove("deployments", "centre", "x")
        said = refused(api, scene, Kept())
    assert ("it has no replicas" if there else "there is no such Deployment") in said


def test_a_centre_that_did_not_answer_before_is_refused(api, tmp_path, inside):
    inside.never.add("ask")
    with staged(api, tmp_path) as scene:
        assert "to answer web-0" in refused(api, scene, Kept())
    assert replicas(api) == 2


def test_an_answer_of_a_centre_that_is_away_is_no_receipt_and_it_is_brought_back(
    api, tmp_path, inside
):
    """The planted defect: a command that always succeeds, whoever answers."""
    inside.always["ask"] = "7"
    with staged(api, tmp_path) as scene:
        assert "an answer: 7" in refused(api, scene, Kept())
    assert replicas(api) == 2


def test_a_command_that_cannot_be_run_at_all_is_no_receipt(api, tmp_path, inside):
    with staged(api, tmp_path) as scene:
        inside.never.add("true")
        with pytest.raises(ToolFailed), broken(FAULT, scene, 0, Kept()):
            pytest.fail("it must not have a receipt")
    assert replicas(api) == 2


def test_endpoints_that_stay_are_no_receipt(api, tmp_path, monkeypatch):
    monkeypatch.setitem(_SECONDS, "a centre is gone", 0.3)
    with staged(api, tmp_path, stays=True) as scene:
        assert "front leads to 10.0.0.9 still" in refused(api, scene, Kept())
    assert replicas(api) == 2


def test_what_fails_meanwhile_is_undone_and_raised(api, tmp_path):
    kept = Kept()
    with (
        staged(api, tmp_path) as scene,
        pytest.raises(ZeroDivisionError),
        broken(FAULT, scene, 0, kept),
    ):
        raise ZeroDivisionError
    assert replicas(api) == 2
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]


def killed(api: FakeApi, folder: Path, at: int, *, after: bool) -> bool:
    """Break and heal in a child that SIGKILL ends at its call number `at`; False if it lived."""

    def breaks() -> None:
        shown = staging(api, folder, *KINDS, journal=Journal(), container="web", centre=CENTRE)
        with shown as scene, broken(FAULT, scene, 0, Kept()):
            pass

    return killed_at(at, breaks, after=after)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_is_killed_at_any_call_is_healed_by_the_journal_and_twice_does_nothing(
    after, api, tmp_path
):
    with staged(api, tmp_path) as scene:
        for at in range(1, 100):
            wait(scene.stream, lambda _: scene.unready(range(3)), SOON)
            if not killed(api, tmp_path, at, after=after):
                break
            (entry,), _ = Journal().read()
            undone(entry, Reach(kube=scene.kube))
            assert replicas(api) == 2
            assert undone(entry, Reach(kube=scene.kube)) == []
            Journal().close(entry)
            whole = lambda s: None if s.items("endpointslices")["front-1"].endpoints else "away"  # noqa: E731 - one use
            wait(scene.stream, whole, SOON)
    assert at == 4
    assert replicas(api) == 2
    assert Journal().read() == ([], {})


def test_a_profile_without_a_centre_is_refused_before_there_is_a_cluster():
    demand_declared(profiles.load("config", known=CHECKS), ["centre-down:2"])
    ledger = profiles.load("ledger", known=CHECKS)
    demand_declared(ledger, ["pod-delete"])
    with pytest.raises(BadInput, match="ledger declares no `centre`"):
        demand_declared(ledger, ["pod-delete", "centre-down"])


def test_it_is_planned_once_for_the_whole_set_and_its_subject_names_a_centre():
    profile = profiles.load("config", known=CHECKS)
    made = planned(
        profile, [], seed=1, shape="s", timing="fast", kubernetes="1.34", command="c",
        faults=["centre-down"],
    )  # fmt: skip
    assert [(each.fault, each.ordinals) for each in made.faults] == [("centre-down", (0,))]
    assert profile.centre == Centre(
        "centre",
        "centre",
        *((("python3", "-B", "/program/reach.py", word)) for word in ("ask", "publish", "taken")),
    )
    assert profiles.load("ledger", known=CHECKS).centre is None
