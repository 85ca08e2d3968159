"""Bad luck in the middle of the drill: a sentence, unknown, never holds, and all is healed.

The same in seconds, and more of it, with machines of paper: tests/test_bad_luck.py.
"""

import copy
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from seatrial import history
from seatrial.chaos import drilling, experiments
from seatrial.faults.journal import Journal
from seatrial.kube.watch import Stream
from seatrial.testing.varying import Patch, replaced, written
from seatrial.timing import limit, wait

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
NO_RECEIPT = "no receipt for node-lost of ordinal 1; in the drill "
LONGEST = 300.0
"""Seconds; a drill without bad luck takes a good minute."""
HOUR = 3600.0
SKEWED = f"""
import os, runpy, time
honest, ahead = time.time, int(os.environ["NODE"][-1], 36) % 2
time.time = lambda: honest() + (1 if ahead else -1) * {HOUR}
runpy.run_module("xlss.rescuer", run_name="__main__")
"""
"""An agent whose clock is an hour ahead on every other node, and an hour behind on the rest."""


@dataclass
class Unlucky:
    """Runs variants of the drill and its profile, written below `folder`."""

    folder: Path
    settings: dict[str, str]
    out: Path

    def profile(self, *patches: Patch, **keys: object) -> None:
        """Drill another profile: its manifests patched, and keys of its own."""
        written("ledger-xlss", self.folder, patches, **keys)
        self.settings["SEATRIAL_PROFILE"] = str(self.folder)

    def drilled(self, mishap: str = "", before: str = "", **within: float) -> drilling.Ended:
        """Run the drill; a mishap happens right before an activity, some wait no longer."""
        document = copy.deepcopy(dict(experiments.load("node-loss").document))
        method = document["method"]
        for activity in method:
            if seconds := within.get(activity["provider"]["func"]):
                activity["provider"]["arguments"]["within"] = seconds
        if mishap:
            names = [activity["provider"]["func"] for activity in method]
            provider = {"type": "python", "module": "mishaps", "func": mishap}
            happens = {"type": "action", "name": mishap.replace("_", " "), "provider": provider}
            method.insert(names.index(before), happens)
        path = self.folder / "unlucky.yaml"
        path.write_text(yaml.safe_dump(document))
        experiment = experiments.load(str(path))
        return drilling.drilled(experiment, self.settings, self.out / "drills")


@pytest.fixture
def unlucky(trial_ground, pytestconfig, tmp_path, monkeypatch):
    """Give what runs an unlucky drill; afterwards all must be as it was, in good time."""
    out = Path(pytestconfig.getoption("--trial-out"))
    seed = pytestconfig.getoption("--trial-seed")
    settings = drilling.settings(trial_ground.spec, profile="ledger-xlss", seed=seed, out=out)
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    began = time.monotonic()
    yield Unlucky(tmp_path, {**settings, "PYTHONPATH": path}, out)
    assert time.monotonic() - began < LONGEST
    ours, unread = Journal().read()
    assert [entry for entry in ours if entry.cluster == trial_ground.cluster.name] == []
    assert unread == {}
    with Stream(trial_ground.cluster.connect(), ("nodes",)) as stream:
        wait(stream, unwell, limit("node is back"))


def unwell(stream: Stream) -> str | None:
    away = [name for name, node in stream.items("nodes").items() if not node.ready]
    return f"{away} not Ready" if away else None


def reason(ended: drilling.Ended) -> str:
    """Give the reason of the one verdict, which is unknown."""
    (verdict,) = drilling.verdicts(ended)
    assert (verdict.verdict, ended.exit_code) == ("unknown", 2), verdict.reason
    return verdict.reason


def nothing_was_broken(ended: drilling.Ended) -> bool:
    assert ended.folder
    return '"stage":"receipt"' not in (ended.folder / "history.jsonl").read_text()


def stopped(ended: drilling.Ended) -> str:
    """Give the reason of a drill that went no further than its backup: nothing was broken."""
    said = reason(ended)
    assert said.startswith(f"{NO_RECEIPT}'a backup that began just now is complete' failed")
    assert nothing_was_broken(ended)
    return said


def test_a_profile_without_recovery_is_refused_before_anything_is_touched(unlucky):
    unlucky.profile(recovery=None)
    ended = unlucky.drilled()
    assert (ended.folder, ended.exit_code) == (None, 4)
    assert "varied declares no `recovery`" in ended.error


def test_a_store_that_is_down_stops_the_drill_before_it_breaks_anything(unlucky):
    ended = unlucky.drilled("the_store_goes_down", before="back_up")
    assert "cannot be reached" in stopped(ended)


def policy(name: str, value: str) -> Patch:
    """Give the patch of an annotation of the members' policy; another of it must be there."""
    annotations, ours = "/spec/template/metadata/annotations", "recovery.seatrial.dev~1"
    sure = {"op": "test", "path": f"{annotations}/{ours}container", "value": "ledger"}
    added = {"op": "add", "path": f"{annotations}/{ours}{name}", "value": value}
    return {"target": {"kind": "StatefulSet", "name": "ledger"}, "patch": json.dumps([sure, added])}


def cramped(megabytes: int) -> Patch:
    """Give the patch that keeps the backups in a volume of so many megabytes."""
    volume = {"name": "store", "emptyDir": {"medium": "Memory", "sizeLimit": f"{megabytes}Mi"}}
    return replaced("Deployment", "store", "/spec/template/spec/volumes/0", volume)


@pytest.mark.parametrize(
    ("mishap", "within", "seen"),
    [
        ("the_packs_are_lost", 60, "is not whole in the store: pack "),
        ("the_store_is_slow", 200, "was not done after 120 s"),
    ],
)
def test_a_store_that_lacks_data_or_takes_too_long_stops_the_drill_before_it_breaks_anything(
    unlucky, mishap, within, seen
):
    ended = unlucky.drilled(mishap, before="back_up", back_up=within)
    assert seen in stopped(ended)


def test_a_store_that_is_full_stops_the_drill_before_it_breaks_anything(unlucky):
    unlucky.profile(cramped(16))
    ended = unlucky.drilled("the_store_is_full", before="back_up", back_up=200)
    assert "500 Internal Server Error" in stopped(ended)


def test_agents_whose_clocks_are_two_hours_apart_recover_from_the_newest_backup(unlucky):
    command = ["python3", "-B", "-u", "-c", SKEWED]
    added = {"op": "add", "path": "/spec/template/spec/containers/0/command", "value": command}
    target = {"kind": "DaemonSet", "name": "xlss-rescuer"}
    unlucky.profile({"target": target, "patch": json.dumps([added])})
    ended = unlucky.drilled()
    (verdict,) = drilling.verdicts(ended)
    assert (verdict.verdict, ended.exit_code) == ("holds", 0), verdict.reason
    assert ended.folder
    told = history.read(ended.folder / "history.jsonl")
    assert {op.invoked > 0 for op in told.of("backup")} == {True, False}


@pytest.mark.parametrize("mishap", ["the_packs_are_lost", "the_packs_are_cut_short"])
def test_data_that_the_store_lost_before_the_restore_are_said_by_it(unlucky, mishap):
    said = reason(unlucky.drilled(mishap, before="fence", restored=60))
    assert "stage restored, serving after node-lost of ordinal 1 was not seen" in said
    assert "restic restore failed: the store has no whole data/" in said


def test_a_wrong_key_stops_the_drill_before_it_breaks_anything(unlucky):
    unlucky.profile(policy("key-secret", "another-key"), secrets=["backup-key", "another-key"])
    ended = unlucky.drilled()
    assert "wrong password" in stopped(ended)


def test_a_backup_of_nothing_stops_the_drill_before_it_breaks_anything(unlucky):
    unlucky.profile(policy("paths", "nowhere"))
    ended = unlucky.drilled()
    assert "nowhere" in stopped(ended)


def test_a_victim_that_vanished_is_a_sentence_and_nothing_is_broken(unlucky):
    ended = unlucky.drilled("the_set_is_deleted", before="lose_node")
    said = reason(ended)
    assert said.startswith("ground disturbed: the set was deleted at ")
    assert f"; {NO_RECEIPT}" in said
    assert "ledger-1 to break; seen: it does not exist (any more)" in said
    assert nothing_was_broken(ended)


def test_a_set_that_vanished_in_the_middle_is_a_sentence_and_its_node_is_healed(unlucky):
    said = reason(unlucky.drilled("the_set_is_deleted", before="fence"))
    assert "rescheduled, restored, serving after node-lost of ordinal 1 was not seen" in said
    assert "/ledger that makes its pods; seen: it does not exist (any more)" in said


def test_a_node_that_comes_back_in_the_middle_is_not_declared_out_of_service(unlucky):
    said = reason(unlucky.drilled("the_node_comes_back", before="fence"))
    assert "it is running: somebody brought it back in the middle" in said


def test_a_key_that_was_replaced_is_said_by_the_restore_that_needs_it(unlucky):
    said = reason(unlucky.drilled("the_key_is_replaced", before="fence", restored=45))
    assert "stage restored, serving after node-lost of ordinal 1 was not seen" in said
    assert "wrong password" in said
