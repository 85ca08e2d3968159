"""A member whose clock is an hour ahead, or whose own file proves that its clock cannot be had.

The set's controller is played on the fake API server, its machine is of paper.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import CannotRun, NotReady
from seatrial.faults import FAULTS, broken, clock_skew
from seatrial.faults.journal import Journal
from seatrial.faults.linking import interpreter
from seatrial.faults.scene import Scene
from seatrial.faults.sets import HASH
from seatrial.faults.undo import Reach, undone
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.machine import Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api, revised
from seatrial.testing.dying import killed_at
from seatrial.testing.kept import proofs
from seatrial.testing.revised import Revised, honest
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging
from seatrial.testing.state import Object
from seatrial.timing import _SECONDS, Limit, wait

SOON = Limit("the test's own patience", 20)
FAULT, NODE = FAULTS["clock-skew"], "sea-worker"
GLIBC = "/lib64/ld-linux-x86-64.so.2"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def elf(
    path: str, *, wide: bool = True, little: bool = True, before: int = 0, far: int = 0
) -> bytes:
    """Give an ELF file that asks for an interpreter, for none if `path` is empty.

    `before` segments of other kinds come first; the name lies `far` bytes behind the table.
    """
    order, name = "<" if little else ">", path.encode() + b"\0"
    head, segment = (64, 56) if wide else (52, 32)
    count = before + bool(path)
    at = head + segment * count + far
    form = f"{order}IIQQQQQQ" if wide else f"{order}IIIIIIII"
    others = struct.pack(form, 1, *[0] * 7) * before
    size = len(name)
    own = (3, 0, at, 0, 0, size, 0, 0) if wide else (3, at, 0, 0, size, 0, 0, 0)
    table = others + (struct.pack(form, *own) if path else b"")
    magic = b"\x7fELF" + bytes([2 if wide else 1, 1 if little else 2]) + bytes(10)
    if wide:
        rest = struct.pack(
            f"{order}HHIQQQIHHHHHH", 3, 62, 1, 0, head, 0, 0, head, segment, count, 0, 0, 0
        )
    else:
        rest = struct.pack(
            f"{order}HHIIIIIHHHHHH", 3, 3, 1, 0, head, 0, 0, head, segment, count, 0, 0, 0
        )
    return magic + rest + table + bytes(far) + (name if path else b"")


def read_by(data: bytes) -> Any:
    return lambda offset, size: data[offset : offset + size]


@given(
    path=st.text("abc/.-_", min_size=1, max_size=40),
    wide=st.booleans(),
    little=st.booleans(),
    before=st.integers(0, 12),
    far=st.integers(0, 9000),
)
def test_whatever_interpreter_a_file_asks_for_is_read(path, wide, little, before, far):
    data = elf(path, wide=wide, little=little, before=before, far=far)
    assert interpreter(read_by(data)) == path
    static = elf("", wide=wide, little=little, before=before, far=far)
    assert interpreter(read_by(static)) == ""


@given(data=st.binary(max_size=200))
def test_what_is_no_elf_file_is_refused_and_never_called_static(data):
    with pytest.raises(ValueError, match="ELF"):
        interpreter(read_by(data if data[:4] != b"\x7fELF" else b"x"))


@given(cut=st.integers(0, 120 + len(GLIBC)), far=st.integers(0, 99))
def test_a_file_that_ends_in_its_middle_is_never_called_static(cut, far):
    with pytest.raises(ValueError, match="ELF file"):
        interpreter(read_by(elf(GLIBC, far=far)[: cut + (cut > 119) * far]))


def test_this_machines_own_shell_asks_for_the_loader_of_its_libc():
    with Path("/bin/sh").open("rb") as file:
        assert "/ld-" in interpreter(lambda at, size: (file.seek(at), file.read(size))[1])


@dataclass
class Clocked(Revised):
    """A controller whose members run on one machine of paper; `program` is what all of them run.

    `obeys`: a member that has the library preloaded is ahead. `maps`: it is seen among its maps.
    """

    runtime: PaperRuntime = field(default_factory=PaperRuntime)
    program: bytes = elf(GLIBC)
    obeys: bool = True
    maps: bool = True
    dated: bool = True

    def _tend(self, space: str, name: str, pod: Object) -> None:
        super()._tend(space, name, pod)
        for one in (
            self.api.of("pods")
            .get(f"{space}/{name}", {})
            .get("status", {})
            .get("containerStatuses", ())
        ):
            number = one.get("containerID", "").removeprefix("containerd://")
            if number and number not in self.runtime.known:
                uid = pod["metadata"]["uid"]
                self.runtime.starts(Running(number, "main", name, uid, space, 0.0))

    def preloaded(self, name: str) -> bool:
        pod = self.api.of("pods")[f"x/{name}"]
        names = [v["name"] for v in pod["spec"]["containers"][0].get("env") or ()]
        return "LD_PRELOAD" in names and "FAKETIME" in names

    def within(self, number: str, argv: tuple[str, ...]) -> str:
        if argv[2].startswith("od "):
            at, size = map(int, argv[4:])
            return self.program[at : at + size].hex(" ")
        ours = self.maps and self.preloaded(self.runtime.known[number].pod)
        return "/lib/libc.so.6\n" + "/seatrial-clock/libfaketimeMT.so.1\n" * ours

    def date(self, _: Scene, path: str) -> datetime | None:
        name, proxied, _way = path.partition("/pods/")[2].partition(":")
        ahead = bool(proxied) and self.obeys and self.preloaded(name)
        return NOW + timedelta(seconds=ahead * clock_skew.SKEW) if self.dated else None


@pytest.fixture(autouse=True)
def brief(monkeypatch, tmp_path):
    for name, seconds in {"a halt is watched": 0.2, "update begins": 5.0}.items():
        monkeypatch.setitem(_SECONDS, name, seconds)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        running.put("namespaces", "x")
        yield running


@pytest.fixture
def ground(api, monkeypatch) -> Clocked:
    made = Clocked(api)
    monkeypatch.setattr(PaperNode, "within", lambda _, number, argv: made.within(number, argv))
    monkeypatch.setattr(clock_skew, "_dated", made.date)
    return made


MAIN: dict[str, Any] = {
    "name": "main", "image": "web", "ports": [{"containerPort": 8080}],
    "env": [{"name": "MINE", "value": "1"}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
}  # fmt: skip


@contextmanager
def staged(ground: Clocked, folder: Path, main: Any = MAIN, **more: Any) -> Iterator[Scene]:
    template = {"containers": [main, {"name": "beside"}], "nodeName": NODE}
    spec = {"replicas": 3, "template": {"spec": template}, **more}
    api = ground.api
    api.put("statefulsets", "web", "x", kind="StatefulSet", apiVersion="apps/v1", spec=spec)
    node = PaperNode(folder / "node.json", NODE, runtime=ground.runtime)
    parts: dict[str, Any] = {"nodes": {NODE: node}, "container": "main", "image": "ground"}
    shown = staging(api, folder, "pods", "statefulsets", journal=Journal(), **parts)
    with revised(ground), shown as scene:
        wait(scene.stream, lambda _: settled(scene, {}), SOON)
        yield scene


def settled(scene: Scene, uids: dict[int, str]) -> str | None:
    """Say what differs from three Ready members at one revision; those of `uids` the same pods."""
    if late := scene.unready(range(3)):
        return late
    hashes = {scene.pod(n).metadata.labels[HASH] for n in range(3)}
    wanted = {scene.replicated().status.update_revision}
    changed = [n for n, uid in uids.items() if scene.pod(n).metadata.uid != uid]
    return f"{hashes}, {wanted}, {changed}" if hashes != wanted or changed else None


def the_spec(api: FakeApi) -> Any:
    return api.of("statefulsets")["x/web"]["spec"]


def refused(scene: Scene, kept: Kept) -> None:
    with broken(FAULT, scene, 0, kept):
        pytest.fail("the body must not run without a receipt")


def test_the_highest_member_is_an_hour_ahead_and_on_time_again(ground, api, tmp_path):
    kept = Kept()
    with staged(ground, tmp_path) as scene:
        before, uids = the_spec(api), {n: scene.pod(n).metadata.uid for n in range(3)}
        with broken(FAULT, scene, 0, kept) as receipt:
            assert (receipt["ahead"], receipt["interpreter"]) == (3600, GLIBC)
            assert "libfaketimeMT.so.1" in receipt["witness"]
            assert [one["ordinal"] for one in receipt["pods"]] == [2]
            own, beside = api.of("pods")["x/web-2"]["spec"]["containers"]
            assert {"name": "MINE", "value": "1"} in own["env"]
            assert beside == {"name": "beside"}
            assert not ground.preloaded("web-1")
        assert settled(scene, {0: uids[0], 1: uids[1]}) is None
        spec = {key: part for key, part in the_spec(api).items() if key != "updateStrategy"}
        assert spec == before
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "healed"]
    assert proofs(kept)["healed"]["ahead"] == 0
    assert Journal().read() == ([], {})


def test_what_fails_meanwhile_is_undone_and_raised(ground, tmp_path):
    kept = Kept()
    with staged(ground, tmp_path) as scene:
        with pytest.raises(ZeroDivisionError), broken(FAULT, scene, 0, kept):
            raise ZeroDivisionError
        wait(scene.stream, lambda _: settled(scene, {}), SOON)
        assert not ground.preloaded("web-2")
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (elf(""), "no PT_INTERP: static"),
        (elf("/lib/ld-musl-x86_64.so.1"), "asks for /lib/ld-musl-x86_64.so.1"),
        (b"#!/bin/sh", "no ELF file"),
    ],
    ids=["static", "of another libc", "no program"],
)
def test_a_program_whose_clock_cannot_be_had_proves_it_and_is_left_alone(
    program, why, ground, api, tmp_path
):
    ground.program = program
    kept = Kept()
    with staged(ground, tmp_path) as scene:
        before = api.of("statefulsets")["x/web"]["metadata"]
        with pytest.raises(CannotRun) as caught:
            refused(scene, kept)
        assert api.of("statefulsets")["x/web"]["metadata"] == before
    assert why in caught.value.seen
    assert [*proofs(kept)] == ["planned", "stopped"]


@pytest.mark.parametrize(
    ("defect", "error"),
    [
        ({"obeys": False}, "0 s ahead"),
        ({"maps": False}, "no libfaketime"),
        (
            {"serves": lambda pod: honest(pod) and not pod["spec"].get("initContainers")},
            "not Ready",
        ),
    ],
    ids=["it asks its kernel", "it was not loaded", "it never serves"],
)
def test_a_clock_that_is_not_seen_ahead_gives_no_receipt(
    defect, error, ground, tmp_path, monkeypatch
):
    monkeypatch.setitem(_SECONDS, "members are updated", 2.0)
    for name, planted in defect.items():
        setattr(ground, name, planted)
    kept = Kept()
    with staged(ground, tmp_path) as scene:
        with pytest.raises((CannotRun, NotReady)) as caught:
            refused(scene, kept)
        wait(scene.stream, lambda _: settled(scene, {}), SOON)
        assert not ground.preloaded("web-2")
    assert error in caught.value.seen
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert Journal().read() == ([], {})


def test_a_member_whose_answers_have_no_date_is_no_target(ground, tmp_path):
    ground.dated = False
    with staged(ground, tmp_path) as scene, pytest.raises(CannotRun, match="a date in the answers"):
        refused(scene, Kept())


def test_a_set_that_replaces_nobody_is_no_target(ground, tmp_path):
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    with (
        staged(ground, tmp_path, **by_hand) as scene,
        pytest.raises(CannotRun, match="that replaces its members"),
    ):
        refused(scene, Kept())


def test_what_was_preloaded_before_stays_so_behind_ours(ground, api, tmp_path):
    main = {**MAIN, "env": [{"name": "LD_PRELOAD", "value": "/lib/jemalloc.so"}]}
    with staged(ground, tmp_path, main) as scene, broken(FAULT, scene, 0, Kept()):
        env = api.of("pods")["x/web-2"]["spec"]["containers"][0]["env"]
        preloads = [one["value"] for one in env if one["name"] == "LD_PRELOAD"]
        assert preloads == ["/seatrial-clock/libfaketimeMT.so.1 /lib/jemalloc.so"]


def test_a_preload_that_comes_from_elsewhere_is_left_alone(ground, tmp_path):
    main = {**MAIN, "env": [{"name": "LD_PRELOAD", "valueFrom": {"configMapKeyRef": {}}}]}
    with staged(ground, tmp_path, main) as scene, pytest.raises(CannotRun, match="can be seen"):
        refused(scene, Kept())


@pytest.mark.parametrize("partition", [0, 3])
def test_the_sets_own_partition_is_put_back(partition, ground, api, tmp_path):
    own = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}}
    with staged(ground, tmp_path, **own) as scene:
        with broken(FAULT, scene, 0, Kept()):
            assert the_spec(api)["updateStrategy"]["rollingUpdate"] == {"partition": 2}
        assert the_spec(api)["updateStrategy"] == own["updateStrategy"]
        assert settled(scene, {}) is None


def test_the_dates_of_answers_are_read_from_their_headers(api, tmp_path):
    kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
    with Stream(kube, ("pods",), "x") as stream:
        found = clock_skew._dated(Scene(kube, stream, "x", "web"), "/api/v1/namespaces/x")
    assert found
    assert abs((found - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_is_killed_at_the_change_is_healed_by_the_journal_and_twice_does_nothing(
    after, ground, tmp_path
):
    """Only two calls change anything: the change, and the way back, which the journal makes."""
    with staged(ground, tmp_path) as scene:
        for at in (1, 2):
            killed = killed_at(at, lambda: _skewed_by(scene, tmp_path), after=after)
            assert killed, f"call {at} was never made"
            (entry,), _ = Journal().read()
            undone(entry, Reach(kube=scene.kube))
            wait(scene.stream, lambda _: settled(scene, {}), SOON)
            assert not ground.preloaded("web-2")
            assert undone(entry, Reach(kube=scene.kube)) == []
            Journal().close(entry)
    assert Journal().read() == ([], {})


def _skewed_by(scene: Scene, folder: Path) -> None:
    """Break with connections of one's own; what the machine runs later only the parent knows.

    So there is no receipt, and the second call is the way back.
    """
    kube = connect(folder / "kubeconfig")
    with Stream(kube, ("pods", "statefulsets"), "x") as stream:
        own = replace(scene, kube=kube, stream=stream)
        with broken(FAULT, own, 0, Kept()):
            pass
