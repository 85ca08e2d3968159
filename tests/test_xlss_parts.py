"""What local volumes decide by: policies, the queue, the newest snapshot, a restore done once."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.testing.carrying import modules

contract, policies, timetable, records, filling, engine, heeding, metrics, helpers = modules(
    "xlss/image",
    "xlss.contract",
    "xlss.policy",
    "xlss.timetable",
    "xlss.records",
    "xlss.filling",
    "xlss.engine",
    "xlss.heeding",
    "xlss.metrics",
    "xlss.helpers",
)
GROUP = contract.GROUP
ASKED = {
    "schedule": "30s",
    "repository": "rest:http://store:8000/x/",
    "key-secret": "backup-key",
}


def pod(name: str = "web-0", claims: dict[str, str] | None = None, **asked: str) -> Any:
    mounted = {"data": f"data-{name}"} if claims is None else claims
    volumes = [
        {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
        for volume, claim in mounted.items()
    ]
    annotations = {f"{GROUP}/{key.replace('_', '-')}": value for key, value in asked.items()}
    meta = {"name": name, "uid": f"uid-{name}", "annotations": annotations}
    spec = {"volumes": volumes, "containers": [{"name": "web"}], "nodeName": "n1"}
    return {"metadata": meta, "spec": spec, "status": {"phase": "Running"}}


def wanted(name: str = "web-0", **asked: str) -> Any:
    return pod(
        name, None, **{**{key.replace("-", "_"): value for key, value in ASKED.items()}, **asked}
    )


def backup(name: str, claim: str, began: float, phase: str = "Complete", **status: Any) -> Any:
    told = {"snapshot": f"{name}aaaaaaa", "files": 1, "bytes": 1, "repository": "r", "secret": "s"}
    return {
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "spec": {"claim": claim},
        "status": {**told, "phase": phase, "began": began, **status},
    }


def test_a_policy_is_read_whole():
    found = policies.policy(wanted(quiesce="sync -f /x", resume='["a b", "c"]', retention="3"))
    assert (found.claim, found.period, found.container) == ("data-web-0", 30.0, "web")
    assert found.quiesce == ("sync", "-f", "/x")
    assert found.resume == ("a b", "c")
    assert found.retention == 3


def test_a_pod_without_a_schedule_has_no_policy():
    assert policies.policy(pod()) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"schedule": "-5s"}, "a period such as 30s"),
        ({"schedule": "0s"}, "a period such as 30s"),
        ({"schedule": "* * * * *"}, "a period such as 30s"),
        ({"quiesce": "freeze"}, "together"),
        ({"quiesce": "'open", "resume": "x"}, "no command"),
        ({"key_secret": ""}, "key-secret"),
        ({"repository": "ftp:x"}, "repository"),
        ({"retention": "-1"}, "how many snapshots"),
        ({"paths": "../other"}, "below the volume"),
        ({"paths": "/etc"}, "below the volume"),
        ({"exclude": "--all"}, "below the volume"),
        ({"container": "db"}, "no container db"),
        ({"volume": "logs"}, "no volume logs"),
        ({"scheduel": "5s"}, "no annotation of ours"),
    ],
)
def test_a_malformed_annotation_is_refused_in_a_sentence(asked, said):
    with pytest.raises(policies.Malformed, match=said):
        policies.policy(wanted(**asked))


@given(st.dictionaries(st.sampled_from([*policies.KNOWN, "other"]), st.text(max_size=12)))
def test_whatever_an_annotation_holds_is_a_policy_none_or_a_sentence(asked):
    with suppress(policies.Malformed):
        found = policies.policy(pod(**asked))
        assert found is None or found.period >= 1


periods = st.lists(st.integers(1, 500), min_size=1, max_size=20)


@given(periods, st.data())
def test_the_queue_runs_in_order_of_next_due_time_whatever_the_order_of_insertion(every, data):
    found = [
        policies.policy(wanted(name=f"web-{n}", schedule=f"{each}s"))
        for n, each in enumerate(every)
    ]
    now = 1000.0
    began = {each.claim: data.draw(st.floats(0, now)) for each in found}
    shuffled = data.draw(st.permutations(found))
    jobs = timetable.timetable(shuffled, [], began, now)
    assert [job.due for job in jobs] == sorted(began[p.claim] + p.period for p in found)
    assert {job.claim for job in jobs} == {each.claim for each in found}
    wait = timetable.next_due(jobs, now)
    assert wait == max(0.0, min(began[p.claim] + p.period for p in found) - now)


def job(due: float, claim: str, record: str = "") -> Any:
    return timetable.Job(due, claim, policies.policy(wanted()), record)


def test_of_those_that_are_due_some_begin_at_a_time_and_none_twice():
    jobs = [job(1, "a"), job(2, "b"), job(3, "a", "asked"), *(job(4, each) for each in "cdef")]
    begun = timetable.beginning(jobs, {"b"}, 9.0)
    assert [each.claim for each in begun] == ["a", "c", "d"]
    assert timetable.next_due(jobs, 9.0, {"a", "b", "c", "d"}) is None
    assert [each.claim for each in timetable.beginning(jobs, {"b", "c"}, 9.0)] == ["a", "d"]


def test_what_is_not_due_yet_does_not_begin_and_what_is_being_made_is_not_waited_for():
    jobs = [job(1, "a"), job(20, "b")]
    assert timetable.beginning(jobs, {"a"}, 9.0) == []
    assert timetable.next_due(jobs, 9.0, {"a"}) == 11.0
    assert timetable.next_due(jobs[:1], 9.0, {"a"}) is None


def test_a_claim_that_was_never_backed_up_is_due_at_once():
    jobs = timetable.timetable([policies.policy(wanted())], [], {}, 50.0)
    assert timetable.next_due(jobs, 50.0) == 0.0


def test_a_backup_that_somebody_asks_for_is_made_and_one_of_the_schedule_only_once():
    asked = {"metadata": {"name": "now", "creationTimestamp": ""}, "spec": {"claim": "data-web-0"}}
    own = {"metadata": {"name": "own"}, "spec": {"claim": "data-web-0", "reason": "schedule"}}
    found = [policies.policy(wanted())]
    jobs = timetable.timetable(found, [asked, own], {"data-web-0": 50.0}, 50.0)
    assert [(job.record, job.due) for job in jobs] == [("now", 0.0), ("", 80.0)]


def test_a_dropped_policy_is_forgotten_and_a_malformed_one_is_told():
    broken = wanted(name="web-1", schedule="soon")
    found, wrong = timetable.policies([pod("web-0"), broken, wanted(name="web-2")], "n1")
    assert [each.pod for each in found] == ["web-2"]
    assert list(wrong) == ["web-1"]
    assert timetable.dropped({"data-web-0": 1.0, "data-web-2": 2.0}, found) == {"data-web-2": 2.0}


phases = st.sampled_from(["Complete", "Failed", "Running", ""])
made = st.lists(
    st.tuples(st.sampled_from("ab"), st.floats(0, 100), phases, st.integers(0, 1)), max_size=12
)


@given(made)
def test_the_newest_complete_snapshot_is_chosen_or_nothing_is(told):
    found = [
        backup(f"{n:08x}", claim, began, phase, files=files)
        for n, (claim, began, phase, files) in enumerate(told)
    ]
    good = [
        one
        for one, (c, _, p, f) in zip(found, told, strict=True)
        if (c, p) == ("a", "Complete") and f
    ]
    if not good:
        with pytest.raises(records.NoSuch):
            records.chosen(found, "a")
        return
    newest = max(one["status"]["began"] for one in good)
    chosen = records.chosen(found, "a")
    at = {one["metadata"]["name"]: one["status"]["began"] for one in good}
    assert at[chosen.record] == newest
    assert chosen.record not in [o["metadata"]["name"] for o in records.surplus(found, "a", 1)]


def test_a_snapshot_of_another_claim_is_no_substitute():
    found = [backup("b1", "a", 1.0), backup("b2", "b", 2.0)]
    with pytest.raises(records.NoSuch, match="b2aaaaaaa"):
        records.chosen(found, "a", "b2aaaaaaa")


def test_a_backup_whose_maker_died_is_failed_and_says_so():
    running = backup("b1", "data-web-0", 1.0, "Running", by="rescuer-x")
    seen = contract.Seen("x", 2.0, backups={"b1": running}, claims={"data-web-0": {}})
    (step,) = heeding.steps(seen)
    assert step.body["status"] == {"phase": "Failed", "message": step.why, "ended": 2.0}
    alive = {"rescuer-x": {"metadata": {"name": "rescuer-x"}, "spec": {}}}
    assert heeding.steps(contract.Seen("x", 2.0, backups={"b1": running}, pods=alive)) == []


def test_a_backup_of_a_claim_that_is_not_there_is_failed_and_says_so():
    asked = {"metadata": {"name": "b1", "uid": "u"}, "spec": {"claim": "gone"}}
    (step,) = heeding.steps(contract.Seen("x", 2.0, backups={"b1": asked}))
    assert step.why == "there is no claim gone"


class Paper:
    """A repository on paper: `breaks` is what happens while it restores."""

    def __init__(self, breaks: str = "") -> None:
        self.breaks, self.times = breaks, 0

    def restore(self, snapshot: str, target: Path) -> None:
        assert snapshot == WANTED["snapshot"]
        self.times += 1
        (target / "token").write_text("t")
        if self.breaks == "killed":
            raise KeyboardInterrupt
        if self.breaks == "refused":
            raise engine.Refused("restic restore failed: pack is truncated")
        if self.breaks != "short":
            (target / "ledger").write_text("ab")


WANTED = {"snapshot": "aaaaaaaa", "files": 2, "bytes": 3, "watermark": {"w": [1, 2]}, "taken": 1.0}


def test_a_volume_is_filled_and_says_from_what(tmp_path):
    told = filling.fill(tmp_path / "pvc-1", WANTED, Paper())
    assert (told["snapshot"], told["files"], told["watermark"]) == ("aaaaaaaa", 2, {"w": [1, 2]})
    assert (tmp_path / "pvc-1" / "ledger").read_text() == "ab"


@pytest.mark.parametrize("how", ["killed", "refused", "short"])
def test_a_restore_that_was_cut_short_leaves_nothing_and_is_done_anew(how, tmp_path):
    folder = tmp_path / "pvc-1"
    folder.mkdir()
    with pytest.raises((engine.Refused, KeyboardInterrupt)):
        filling.fill(folder, WANTED, Paper(how))
    assert list(folder.iterdir()) == []
    assert filling.fill(folder, WANTED, Paper())["files"] == 2


def test_a_restore_that_is_asked_for_again_is_not_done_again(tmp_path):
    paper = Paper()
    first = filling.fill(tmp_path / "pvc-1", WANTED, paper)
    (tmp_path / "pvc-1" / "ledger").write_text("written since")
    assert filling.fill(tmp_path / "pvc-1", WANTED, paper) == first
    assert paper.times == 1
    assert (tmp_path / "pvc-1" / "ledger").read_text() == "written since"


def test_of_two_agents_at_one_directory_one_restores_and_the_other_waits(tmp_path):
    begun, over = threading.Event(), threading.Event()

    class Slow(Paper):
        def restore(self, snapshot: str, target: Path) -> None:
            begun.set()
            over.wait(20)
            super().restore(snapshot, target)

    first, second, told = Slow(), Paper(), []
    fill = lambda paper: told.append(filling.fill(tmp_path / "pvc-1", WANTED, paper))  # noqa: E731
    agents = [threading.Thread(target=fill, args=(paper,)) for paper in (first, second)]
    agents[0].start()
    assert begun.wait(20)
    agents[1].start()
    over.set()
    for agent in agents:
        agent.join()
    assert (first.times, second.times) == (1, 0)
    assert told[0] == told[1]


def test_a_directory_that_holds_anything_else_is_never_overwritten(tmp_path):
    folder = tmp_path / "pvc-1"
    folder.mkdir()
    (folder / "precious").write_text("x")
    with pytest.raises(engine.Refused, match="no restore put there"):
        filling.fill(folder, WANTED, Paper())
    assert (folder / "precious").exists()


def test_metrics_are_told_as_prometheus_reads_them():
    told = metrics.Metrics()
    told.add("recovery_backups_total", claim="a", outcome="failed")
    told.set("recovery_queue_length", 3)
    assert 'recovery_backups_total{claim="a",outcome="failed"} 1\n' in told.text()
    assert "recovery_queue_length 3\n" in told.text()


def test_a_helper_runs_on_its_node_alone_and_once():
    found = helpers.helper("make", "pvc-1", "pvc-1_x_data", "n1", "image")
    assert found["spec"]["nodeName"] == "n1"
    assert found["spec"]["restartPolicy"] == "Never"
    assert found["spec"]["containers"][0]["args"] == ["xlss.folder", "make", "pvc-1_x_data"]
