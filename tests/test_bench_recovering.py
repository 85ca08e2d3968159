"""What the rows about recovery are measured with, on clocks of paper and histories told by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.bench import BENCHES, punctual
from seatrial.bench.recovering import BY_BYTES, BY_FILES, Sized, fitted, played
from seatrial.faults.asked_backups import GROUP


def test_seconds_that_grow_with_bytes_are_told_with_slope_intercept_and_fit():
    found = [
        Sized(files, files * size, [0.5 + files * size / 1e8] * 2, [1.0], [1.0])
        for files, size in BY_BYTES
    ]
    assert fitted(found, "ours") == "0.0100 s per MB + 0.500 s, r² 1.000"


def test_seconds_that_grow_with_files_are_told_by_files():
    found = [Sized(n, n * size, [n / 1e4], [1.0], [1.0]) for n, size in BY_FILES]
    assert fitted(found, "ours") == "0.1000 s per 1000 files + 0.000 s, r² 1.000"


@settings(max_examples=5)
@given(st.integers(0, 99))
def test_no_backup_of_twenty_pods_begins_more_than_their_queue_late(seed):
    late = list(played(seed))
    assert len(late) > 200
    assert min(late) >= 0


def test_backups_that_take_too_long_are_seen_to_be_late():
    assert max(played(1, takes=20.0)) > 10


def test_a_backup_is_late_by_what_passed_beyond_its_period_since_the_one_before():
    began = {"a": [10.0, 15.5, 20.5], "b": [11.0, 30.5]}
    late = [*punctual.overdue(began, {"a": 5.0, "b": 20.0})]
    assert [each.seconds for each in late] == [0.5, 0.0, 0.0]
    assert [(each.claim, each.since) for each in late] == [("a", 10.0), ("a", 15.5), ("b", 11.0)]


def test_what_is_late_while_pods_are_made_is_told_apart():
    began = {"a": [10.0, 17.0, 22.5], "b": [12.0, 32.0]}
    since, starting = punctual.parted([*punctual.overdue(began, {"a": 5.0, "b": 20.0})], 15.0)
    assert [one.seconds for one in since] == [0.5]
    assert [one.seconds for one in starting] == [2.0, 0.0]


def test_a_pod_of_ours_has_a_members_policy_but_for_its_period():
    policy = {f"{GROUP}/schedule": "5s", f"{GROUP}/container": "ledger"}
    container: dict[str, Any] = {
        "name": "ledger",
        "image": "i",
        "imagePullPolicy": "Never",
        "securityContext": {},
    }
    container["volumeMounts"] = [{"name": "data"}, {"name": "watermark"}, {"name": "other"}]
    member: dict[str, Any] = {
        "metadata": {"annotations": {**policy, "other": "x"}},
        "spec": {"containers": [container], "volumes": [{"name": "data"}, {"name": "watermark"}]},
    }
    member["spec"]["securityContext"] = {}
    claim = {"spec": {"accessModes": [], "resources": {}, "storageClassName": "c", "volumeName": 1}}
    made, pod = punctual.bodies(member, claim, 3)
    assert made["metadata"]["name"] == "data-kept-03"
    assert "volumeName" not in made["spec"]
    assert pod["metadata"]["annotations"] == {**policy, f"{GROUP}/schedule": "20s"}
    assert [one["name"] for one in pod["spec"]["volumes"]] == ["data", "watermark"]
    assert pod["spec"]["containers"][0]["volumeMounts"] == container["volumeMounts"][:2]


def test_each_row_says_what_it_compares():
    own = [name for name in BENCHES if name.startswith("recovery-")]
    assert len(own) == 6
    assert {BENCHES[name].bar for name in own} == {0.9, None, 2, 1.15}
