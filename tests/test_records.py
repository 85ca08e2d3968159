"""Recovery told by custom resources: defined before a trial, asked for, waited for and read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from seatrial.errors import CannotRun, NotReady, ToolFailed
from seatrial.kube.client import Kube, connect
from seatrial.kube.objects import Meta, Pod, PodSpec
from seatrial.kube.watch import Stream
from seatrial.model import Profile
from seatrial.probes import backups, records
from seatrial.profiles.declared import Recovery as Written
from seatrial.recovery import Recovery
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.timing import Limit
from seatrial.workload.definitions import defined, without_definitions

GROUP = "recovery.seatrial.dev"
PROFILE = Profile(
    "p", "s", "f", "m", "web", "web", 3, "web", ("data",), (), {},
    recovery=Recovery(records=f"{GROUP}/v1"), client="client.py",
)  # fmt: skip
NAME = f"backups.{GROUP}"
CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": NAME},
    "spec": {"group": GROUP},
}
ESTABLISHED = {"conditions": [{"type": "Established", "status": "True"}]}


@pytest.fixture
def api():
    with fake_api() as running:
        running.put("namespaces", "x")
        running.define(f"{NAME}/v1", "Backup")
        yield running


@pytest.fixture
def kube(api, tmp_path) -> Kube:
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


@contextmanager
def told(api: FakeApi, plural: str, status: dict[str, Any]) -> Iterator[None]:
    """Say this of the first object of a kind, as soon as there is one."""

    def tell() -> None:
        with api.changed:
            api.changed.wait_for(lambda: api.of(plural))
            space, name = next(iter(api.of(plural))).split("/")
            api.put(plural, name, space, status=status)

    thread = threading.Thread(target=tell)
    thread.start()
    yield
    thread.join()


def member(name: str = "web-1") -> Pod:
    source = {"persistentVolumeClaim": {"claimName": f"data-{name}"}, "name": "data"}
    spec = msgspec.convert({"nodeName": "n", "volumes": [source]}, PodSpec)
    return Pod(metadata=Meta(name=name, uid="u", namespace="x"), spec=spec)


def test_a_definition_is_there_and_owned_before_a_trial_goes_on(api, kube):
    with told(api, "customresourcedefinitions", ESTABLISHED):
        defined(kube, [CRD], "x")
    (found,) = api.of("customresourcedefinitions").values()
    assert [owner["name"] for owner in found["metadata"]["ownerReferences"]] == ["x"]


def test_a_definition_that_somebody_installed_is_left_as_it_is(api, kube):
    before = api.put("customresourcedefinitions", NAME, status=ESTABLISHED)
    defined(kube, [CRD], "x")
    assert api.of("customresourcedefinitions")[f"/{NAME}"] == before


def test_a_definition_that_is_never_served_is_told(kube, monkeypatch):
    monkeypatch.setenv("SEATRIAL_TIME_FACTOR", "0.01")
    with pytest.raises(NotReady, match="custom resources"):
        defined(kube, [CRD], "x")


def test_definitions_are_not_applied_among_the_other_documents():
    other = {"kind": "Service", "metadata": {"name": "web"}}
    assert without_definitions([CRD, other]) == [other]


COMPLETE = {
    "phase": "Complete", "snapshot": "aaaaaaaa", "files": 4, "bytes": 9, "began": 1.0, "ended": 2.0,
    "watermark": {"w": [1, 2]},
}  # fmt: skip


def test_a_backup_is_asked_for_by_an_object_and_waited_for(api, kube):
    with told(api, "backups", COMPLETE):
        line = backups.back_up(kube, PROFILE, member(), Limit("a backup", 10))
    (asked,) = api.of("backups").values()
    assert asked["spec"]["claim"] == "data-web-1"
    assert (line["ordinal"], line["snapshot"], line["watermark"]) == (1, "aaaaaaaa", {"w": [1, 2]})


def test_a_backup_that_failed_is_told_with_its_sentence(api, kube):
    status = {"phase": "Failed", "message": "the store cannot be reached"}
    with told(api, "backups", status), pytest.raises(ToolFailed, match="cannot be reached"):
        backups.back_up(kube, PROFILE, member(), Limit("a backup", 10))


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"files": 0}, "snapshot aaaaaaaa is empty: no files"),
        ({"bytes": 0}, "snapshot aaaaaaaa is empty: no bytes"),
        ({"watermark": {}}, "snapshot aaaaaaaa is empty: no watermark"),
        ({"snapshot": ""}, "it does not say why"),
        ({"phase": "Failed"}, "it does not say why"),
    ],
)
def test_what_is_no_whole_backup_is_a_sentence_and_none(changes, seen, api, kube):
    with told(api, "backups", {**COMPLETE, **changes}), pytest.raises(CannotRun) as caught:
        backups.back_up(kube, PROFILE, member(), Limit("a backup", 10))
    assert seen in caught.value.seen


def test_a_profile_without_recovery_is_a_sentence(kube):
    with pytest.raises(CannotRun, match="it declares no `recovery`"):
        backups.back_up(kube, replace(PROFILE, recovery=None), member(), Limit("a backup", 10))


def test_a_backup_that_is_not_begun_is_told_with_what_came_before_it(api, kube):
    spec, message = {"claim": "data-web-1"}, "the store cannot be reached"
    status = {"phase": "Failed", "began": 2.0, "message": message}
    api.put("backups", "older", "x", spec=spec, status={**status, "began": 1.0, "message": "no"})
    api.put("backups", "newer", "x", spec=spec, status=status)
    api.put("backups", "another", "x", spec={"claim": "data-web-2"}, status=status)
    with pytest.raises(NotReady, match=f"is not begun; newer is Failed: {message}"):
        backups.back_up(kube, PROFILE, member(), Limit("a backup", 0.3))


RESTORES = f"restores.{GROUP}/v1"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"phase": "Failed", "message": "wrong password"}, "; r is Failed: wrong password"),
        ({"phase": "Running"}, "; r is Running: it says nothing more"),
        ({"phase": "Restored"}, ""),
        ({}, ""),
    ],
)
def test_what_the_operator_says_of_a_restore_is_told(status, said, api, kube):
    api.define(RESTORES, "Restore")
    api.put("restores", "r", "x", spec={"claim": "data-web-1"}, status=status)
    with Stream(kube, (RESTORES,), "x") as stream:
        assert records.restoring(stream, replace(PROFILE, watch=(RESTORES,)), member()) == said
        assert records.restoring(stream, PROFILE, member()) == ""


def test_what_was_restored_stands_on_the_volume(api, kube):
    told_by = json.dumps({"snapshot": "aaaaaaaa", "files": 4})
    api.put("persistentvolumeclaims", "data-web-1", "x", spec={"volumeName": "pvc-1"})
    api.put("persistentvolumes", "pvc-1", metadata={"annotations": {f"{GROUP}/restored": told_by}})
    line = records.restored(kube, PROFILE, member())
    assert (line["ordinal"], line["snapshot"], line["volume"]) == (1, "aaaaaaaa", "pvc-1")


def test_a_volume_that_was_never_restored_says_nothing(api, kube):
    api.put("persistentvolumeclaims", "data-web-1", "x", spec={"volumeName": "pvc-1"})
    api.put("persistentvolumes", "pvc-1")
    assert records.restored(kube, PROFILE, member()) == {}


MADE = {"creationTimestamp": "2026-01-01T00:00:00Z"}


def test_every_backup_that_is_over_becomes_an_op(api, kube):
    api.put("backups", "a", "x", spec={"claim": "data-web-0"}, status=COMPLETE, metadata=MADE)
    api.put(
        "backups", "b", "x", spec={"claim": "data-web-1"}, status={"phase": "Failed"}, metadata=MADE
    )
    api.put(
        "backups",
        "c",
        "x",
        spec={"claim": "data-web-1"},
        status={"phase": "Running"},
        metadata=MADE,
    )
    kept = Kept()
    backups.record(kube, PROFILE, "x", kept)
    ended = [(op.process, op.outcome) for op in kept.ops]
    assert ended == [("backup/0", "ok"), ("backup/1", "info")]


def test_a_backup_whose_maker_died_ended_after_it_began(api, kube):
    status: dict[str, Any] = {"phase": "Failed", "message": "whoever made it ended"}
    api.put("backups", "a", "x", spec={"claim": "data-web-0"}, status=status, metadata=MADE)
    later = {**status, "began": 1e9, "ended": 1e9 + 1}
    api.put("backups", "b", "x", spec={"claim": "data-web-0"}, status=later, metadata=MADE)
    kept = Kept()
    backups.record(kube, PROFILE, "x", kept)
    died, told = sorted(kept.ops, key=lambda op: -op.value["began"])
    assert died.value["began"] == 1767225600.0
    assert died.invoked < died.completed
    assert (told.value["began"], told.value["ended"]) == (1e9, 1e9 + 1)


@pytest.mark.parametrize("records", ["", "a.b", "a.b/x1", "A.b/v1"])
def test_a_profile_names_the_group_and_version_of_its_records(records):
    with pytest.raises(ValueError, match="records"):
        Written(records=records)
    assert Written(records="a.b/v1").records == "a.b/v1"
