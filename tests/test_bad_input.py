"""Bad input and bad luck of a whole certification: named in a sentence, unknown, never holds.

Every one from the first call to verdicts.json, in the model basin; on a real cluster:
suites/ground/test_bad_input.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import checks, report, timing
from seatrial.checks.strangers import Disturbance
from seatrial.kube.client import connect
from seatrial.live import Live
from seatrial.testing.basin import Basin, basin
from seatrial.testing.crew import Crew
from seatrial.testing.store import Store

CLAIMS = ["storage.rebind", "durability.acknowledged"]
SUBJECT = {"claims": CLAIMS, "ask": {"token": ["token"]}}
FRESH, OLD = -60, 95
"""Seconds since a lease was renewed: one that stays good for a minute, and one that is over."""
SOON = timing.Limit("the test's own patience", 20)


@pytest.fixture
def laid(tmp_path, monkeypatch):
    """Give a function that lays a basin out, without the page that nobody here reads."""
    monkeypatch.setattr(report, "write", lambda *_: [])
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(basin(tmp_path, SUBJECT | more))


@pytest.fixture
def ground(laid):
    return laid()


@pytest.fixture
def hurry(monkeypatch):
    """Leave little time for what will never come."""
    late = ("workload is ready", "pod is replaced", "load flows", "names settle")
    for name in (*late, "nothing of a trial is left"):
        monkeypatch.setitem(timing._SECONDS, name, 1.5)


def unknown(ended: tuple[int, Any]) -> str:
    """Give the one reason of all verdicts, which are unknown."""
    code, told = ended
    assert (code, told["verdict"]) == (2, "unknown")
    assert {row["verdict"] for row in told["verdicts"]} == {"unknown"}
    assert [row["guarantee"] for row in told["verdicts"]] == CLAIMS
    return str(told["verdicts"][0]["reason"])


def nothing_was_made(ground: Basin) -> bool:
    return not any(ground.api.of(kind) for kind in ("namespaces", "statefulsets", "pods"))


def test_without_bad_input_it_holds(ground):
    steward(ground, "kube-controller-manager", FRESH)
    code, told = ground.certified()
    assert (code, told["verdict"]) == (0, "holds"), told["verdicts"]


@pytest.mark.usefixtures("hurry")
def test_a_set_that_never_becomes_ready_names_pod_container_last_words_and_what_to_do(
    laid, monkeypatch
):
    restore, grounds = Store.restore, list[Basin]()

    def refuses(store: Store, ordinal: int) -> str:
        about = {"kind": "Pod", "name": f"ledger-{ordinal}"}
        said = {"reason": "BackOff", "message": "Back-off restarting failed container restore"}
        (ground,) = grounds
        ground.api.put("events", "e", ground.space, involvedObject=about, type="Warning", **said)
        return restore(store, ordinal)

    monkeypatch.setattr(Store, "restore", refuses)
    ground = laid()
    grounds.append(ground)
    ground.store.refusal = "wrong password"
    said = unknown(ground.certified())
    assert said.startswith("nothing could be tried: every member of basin Ready")
    crashed = "container restore: CrashLoopBackOff (last ended with exit code 1) wrong password"
    assert "ledger-0 is Pending on basin-worker" in said
    assert crashed in said
    assert "ledger-1 does not exist" in said
    assert "Pod ledger-0: BackOff: Back-off restarting failed container restore" in said
    assert "kubectl logs --previous says why it ended" in said


def templated(ground: Basin, name: str) -> None:
    """Let the set ask for claims of this class."""
    path = ground.folder / "subject" / "manifests" / "set.yaml"
    made = yaml.safe_load(path.read_text())
    template = {"metadata": {"name": "data"}, "spec": {"storageClassName": name}}
    made["spec"]["volumeClaimTemplates"] = [template]
    path.write_text(yaml.safe_dump(made))


def test_a_class_that_does_not_exist_is_named_before_anything_is_made(ground):
    ground.api.put("storageclasses", "standard")
    templated(ground, "standart")
    said = unknown(ground.certified())
    assert "the storage class standart, for the claim template data of the set ledger" in said
    assert "this cluster has standard" in said
    assert "did you mean standard?" in said
    assert nothing_was_made(ground)


def test_a_class_that_is_there_is_no_obstacle(ground):
    ground.api.put("storageclasses", "standard")
    templated(ground, "standard")
    assert ground.certified()[0] == 0


def stranger(ground: Basin, replicas: int) -> Any:
    """Give what scales the set as `kubectl scale` does."""

    def scales(live: Live) -> None:
        kube = connect(ground.api.kubeconfig(ground.folder / "theirs"), manager="kubectl")
        path = f"/apis/apps/v1/namespaces/{ground.space}/statefulsets/ledger/scale"
        kube.patch(path, {"spec": {"replicas": replicas}})
        live.alive.until_ready()

    return scales


def test_a_set_that_somebody_scales_in_the_middle_is_unknown_and_says_who_did_it(ground):
    said = unknown(ground.certified(stranger(ground, 4)))
    assert said.startswith("ground disturbed: the set was scaled 3 -> 4 at ")
    assert "s by kubectl (Update of scale), not by this trial" in said


def test_without_the_look_at_strangers_it_would_hold(ground, monkeypatch):
    """The planted defect: a judge that takes all that happened for the trial's own doing."""
    monkeypatch.setattr(checks, "_disturbances", lambda _: list[Disturbance]())
    assert ground.certified(stranger(ground, 4))[0] == 0


def test_a_member_that_somebody_deletes_in_the_middle_is_unknown(ground):
    def deletes(live: Live) -> None:
        before = live.alive.member(1)
        ground.api.delete("pods", "ledger-1", ground.space)
        still = lambda _: "still there" if live.alive.member(1) == before else None  # noqa: E731
        timing.wait(live.alive.stream, still, SOON)
        live.alive.until_ready()

    said = unknown(ground.certified(deletes))
    assert said.startswith("ground disturbed: ledger-1 was deleted at ")


def steward(ground: Basin, name: str, age: float, holder: str = "one") -> None:
    """Let one of the control plane have renewed its lease so many seconds ago."""
    renewed = (datetime.now(UTC) - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed}
    ground.api.put("leases", name, "kube-system", spec=spec)


@pytest.mark.parametrize(
    ("lease", "name"),
    [("kube-controller-manager", "controller manager"), ("kube-scheduler", "scheduler")],
)
def test_a_control_plane_that_stands_still_from_the_beginning_is_named_before_anything_is_made(
    lease, name, ground
):
    steward(ground, lease, OLD)
    said = unknown(ground.certified())
    assert f"the {name} (one) has not renewed its lease for 9" in said
    assert nothing_was_made(ground)


@pytest.mark.usefixtures("hurry")
def test_a_controller_manager_that_is_paused_in_the_middle_is_named_and_the_set_is_not_blamed(
    ground, monkeypatch
):
    steward(ground, "kube-controller-manager", FRESH)

    def pauses(_: Live) -> None:
        monkeypatch.setattr(Crew, "_kept", lambda *_: False)
        steward(ground, "kube-controller-manager", OLD)

    said = unknown(ground.certified(pauses))
    assert "ground disturbed: the controller manager (one) has not renewed its lease" in said
    assert "it stands still" in said


def test_a_controller_manager_that_came_back_takes_nothing_from_what_holds(ground):
    steward(ground, "kube-controller-manager", FRESH)
    ended = ground.certified(lambda _: steward(ground, "kube-controller-manager", FRESH, "two"))
    assert ended[0] == 0


def test_a_watch_that_is_forbidden_is_named_with_the_way_to_grant_it_before_anything_is_made(
    ground,
):
    ground.api.user = "system:serviceaccount:ci:nightly"
    ground.api.forbidden |= {"watch pods", "persistentvolumeclaims", "pods/eviction"}
    said = unknown(ground.certified())
    assert "system:serviceaccount:ci:nightly may not " in said
    assert "watch pods in namespace trial-" in said
    assert "list, watch persistentvolumeclaims in namespace trial-" in said
    assert "create pods/eviction in namespace trial-" in said
    assert "kubectl auth can-i list persistentvolumeclaims -n trial-" in said
    assert "kubectl create clusterrole seatrial-1 --verb=" in said
    assert "--serviceaccount=ci:nightly" in said
    assert nothing_was_made(ground)


def test_whoever_may_not_even_see_namespaces_is_told_so_and_nothing_is_waited_for(ground):
    ground.api.forbidden.add("namespaces")
    said = unknown(ground.certified())
    assert "fake may not create, delete, get, list, patch namespaces" in said


def test_what_only_lies_around_may_be_forbidden(ground):
    ground.api.forbidden |= {"leases", "events"}
    assert ground.certified()[0] == 0


@pytest.mark.usefixtures("hurry")
def test_a_node_that_dies_under_a_member_in_the_middle_is_named(ground):
    def dies(_: Live) -> None:
        node = ground.victim.name
        lost = {"type": "Ready", "status": "Unknown", "message": "its kubelet is silent"}
        ground.api.put("nodes", node, status={"conditions": [lost]})

    said = unknown(ground.certified(dies))
    assert said.startswith("ground disturbed: node basin-worker")
    assert "was not Ready any more at" in said


@pytest.mark.usefixtures("hurry")
def test_a_node_that_was_dead_before_is_named_when_nothing_gets_ready(ground, monkeypatch):
    monkeypatch.setattr(Crew, "_placed", lambda *_: False)
    lost = {"type": "Ready", "status": "Unknown", "message": "its kubelet is silent"}
    ground.api.put("nodes", "basin-worker2", status={"conditions": [lost]})
    said = unknown(ground.certified())
    assert "ledger-0 is Pending: no reason given" in said
    assert "node basin-worker2 is not Ready: its kubelet is silent" in said


def test_a_namespace_that_will_not_go_is_said_and_the_verdict_stands(ground, monkeypatch, capsys):
    monkeypatch.setitem(timing._SECONDS, "namespace is gone", 0.5)
    ground.api.lingering.add("namespaces")
    assert ground.certified()[0] == 0
    assert "the ground is not proved clean: trial-" in capsys.readouterr().err


def test_a_drill_that_cannot_begin_says_why_and_is_unknown(laid):
    ground = laid(claims=["recovery.six-stages"])
    steward(ground, "kube-controller-manager", OLD)
    ended = ground.drilled()
    assert ended.exit_code == 2
    assert "the controller manager (one) has not renewed its lease" in ended.error
    assert nothing_was_made(ground)


def test_a_trial_that_never_began_has_a_report_that_says_why(tmp_path):
    with basin(tmp_path, SUBJECT) as ground:
        ground.api.forbidden.add("watch pods")
        unknown(ground.certified())
        for name in ("report.html", "summary.md", "junit.xml"):
            text = (ground.out / "latest" / name).read_text()
            assert "fake may not watch pods in namespace" in text


def lines(path: Path) -> Iterator[str]:
    yield from path.read_text().splitlines()


@pytest.mark.usefixtures("hurry")
def test_what_kept_it_from_beginning_is_in_the_history(ground):
    ground.store.refusal = "wrong password"
    unknown(ground.certified())
    history = ground.out / "latest" / "history.jsonl"
    (told,) = [line for line in lines(history) if '"what":"obstacle"' in line]
    assert "wrong password" in told
