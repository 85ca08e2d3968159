"""The driver's pod from the harness's side: started, asked over a line that is cut, collected.

The pod is a real child process behind a fake API server's proxy; the members are real ledgers.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import timing
from seatrial.errors import CannotRun, NotReady
from seatrial.kube.client import Kube, connect
from seatrial.kube.watch import Stream
from seatrial.load import collecting, line, pod
from seatrial.load.clock import Clock, combined, measured
from seatrial.load.driving import Driver, driving
from seatrial.load.line import DriverLost
from seatrial.model import Load, Op, Profile
from seatrial.places import carried
from seatrial.testing import FakeApi, FakeDns, Kept, driver_kubelet, fake_api, fake_dns
from seatrial.testing.kubelet import Kubelet

LEDGER = carried("fixtures") / "ledger"
PROFILE = Profile("ledger", "s", "f", "m", "ledger", "ledger", 2, "ledger", (), (), {})
PROFILE = replace(PROFILE, client=str(LEDGER / "client.py"), port=8080, load=Load(100.0, 1))
SPACE = "trial-ab12"
FULL = {0: "10.0.0.1", 1: "10.0.0.2"}


class Shifted(Kept):
    """A run whose clock is not the driver's."""

    def now(self) -> float:
        return super().now() - 1000.0


@dataclass
class Ground:
    """All that a driver meets."""

    api: FakeApi
    kube: Kube
    stream: Stream
    kept: Shifted
    kubelet: Kubelet
    names: FakeDns
    folder: Path

    @contextmanager
    def driving(self, profile: Profile = PROFILE) -> Iterator[Driver]:
        with driving(
            self.kube, self.stream, SPACE, profile, "ground:1", self.kept, seed=1
        ) as driver:
            yield driver

    def told(self, event: str) -> list[Op]:
        return [op for op in self.kept.of("driver") if op.value["event"] == event]

    def acknowledged(self) -> set[tuple[str, int, int]]:
        values = [op.value for op in self.kept.of("write") if op.outcome == "ok"]
        return {(v["writer"], v["seq"], v["crc"]) for v in values}

    def records(self) -> set[tuple[str, int, int]]:
        lines = [
            line
            for path in self.folder.glob("data-*/ledger")
            for line in path.read_bytes().splitlines()
        ]
        found = map(json.loads, lines)
        return {(one["writer"], one["seq"], one["crc"]) for one in found}


@contextmanager
def ledger(folder: Path) -> Iterator[int]:
    env = {**os.environ, "LEDGER_DATA": str(folder), "LEDGER_PORT": "0"}
    argv = [sys.executable, "-B", "-u", str(LEDGER / "image" / "ledger.py"), "serve"]
    folder.mkdir()
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout
            yield json.loads(child.stdout.readline())["listening"]
        finally:
            child.kill()


@pytest.fixture
def ground(tmp_path):
    with ExitStack() as stack:
        ports = [stack.enter_context(ledger(tmp_path / f"data-{n}")) for n in range(2)]
        names = stack.enter_context(fake_dns())
        for ordinal, address in FULL.items():
            names.addresses[f"ledger-{ordinal}.ledger.{SPACE}.svc.cluster.local"] = [address]

        def change(job: dict[str, Any]) -> None:
            assert job["servers"] == ["10.96.0.2"]
            job["servers"], job["dns_every"], job["timeout"] = [names.server], 0.02, 0.5
            for member, port in zip(job["members"], ports, strict=True):
                member["host"] = f"127.0.0.1:{port}"

        api = stack.enter_context(fake_api())
        labels = {"labels": {"k8s-app": "kube-dns"}}
        api.put("pods", "coredns-1", "kube-system", metadata=labels, status={"podIP": "10.96.0.2"})
        api.put("pods", "other", "kube-system", status={"podIP": "10.96.0.9"})
        api.put("nodes", "n4", metadata={"labels": {pod.ROLE: "driver"}})
        kubelet = stack.enter_context(driver_kubelet(api, tmp_path / "pod", change))
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        stream = stack.enter_context(Stream(kube, ("pods", "nodes"), SPACE))
        yield Ground(api, kube, stream, Shifted(), kubelet, names, tmp_path)


@pytest.fixture
def hurry(monkeypatch):
    """Leave no time for what is not there already."""
    for name in ("driver answers", "load flows", "names settle", "members are read"):
        monkeypatch.setitem(timing._SECONDS, name, 0.4)


def test_all_the_driver_saw_is_collected_on_the_runs_clock(ground):
    began = ground.kept.now()
    with ground.driving() as driver:
        driver.until_load(20)
        driver.until_settled(FULL)
        driver.read("final")
        assert {one["code"] for one in driver.names()} == {"NOERROR"}
        assert driver.counts().keys() == {0, 1}
    (end,) = ground.told("collected")
    ops = [op for op in ground.kept.ops if op.process != "driver"]
    assert end.value["expected"] == end.value["collected"] == len(ops)
    assert ground.acknowledged() == ground.records()
    assert len(ground.acknowledged()) >= 40
    assert {op.process for op in ops} == {
        "client/w0-ab12", "client/w1-ab12", "reader/0", "reader/1", f"dns/{ground.names.server}",
    }  # fmt: skip
    assert all(began <= op.invoked <= op.completed <= ground.kept.now() for op in ops)
    assert all(began <= op.value["since"] <= op.invoked for op in ground.kept.of("dns"))
    (error,) = {op.error for op in ops}
    assert 0 < error < 0.5
    assert not ground.told("lost")


def test_the_clock_is_told_at_the_start_at_the_end_and_as_applied(ground):
    with ground.driving() as driver:
        driver.until_load(1)
    clocks = [op.value for op in ground.kept.of("clock")]
    assert [value["when"] for value in clocks] == ["start", "end", "applied"]
    assert all(abs(value["offset"] + 1000.0) <= value["error"] for value in clocks)
    assert {op.error for op in ground.kept.of("write")} == {clocks[-1]["error"]}


def test_the_pod_runs_on_the_drivers_own_node_with_no_rights_at_all(ground):
    with ground.driving():
        made = ground.api.of("pods")[f"{SPACE}/driver"]["spec"]
    assert made["nodeSelector"] == {"seatrial.dev/role": "driver"}
    assert {"key": "seatrial.dev/driver", "operator": "Exists", "effect": "NoSchedule"} in made[
        "tolerations"
    ]
    (container,) = made["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("ground:1", "IfNotPresent")
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert made["securityContext"]["runAsNonRoot"]
    assert ground.told("started")[0].value["note"] == ""


def test_without_a_node_of_its_own_it_runs_anywhere_and_says_so(ground):
    ground.api.remove("nodes", "n4")
    timing.wait(
        ground.stream, lambda s: "n4" if s.items("nodes") else None, timing.Limit("gone", 20)
    )
    with ground.driving():
        assert "nodeSelector" not in ground.api.of("pods")[f"{SPACE}/driver"]["spec"]
    assert "runs among victims" in ground.told("started")[0].value["note"]


def test_the_program_and_the_client_fit_into_config_maps():
    made = pod.documents(pod.job(PROFILE, SPACE, [], 1), PROFILE.client, "i", apart=True)
    sizes = [sum(map(len, one["data"].values())) for one in made if one["kind"] == "ConfigMap"]
    assert 0 < max(sizes) < 1 << 19
    assert made[0]["data"].keys() >= {"main.py", "spool.py"}


def test_a_set_that_counts_from_five_is_written_to_under_its_own_names():
    members = pod.job(replace(PROFILE, first_ordinal=5), SPACE, [], 1)["members"]
    assert [one["ordinal"] for one in members] == [5, 6]
    assert members[0]["name"] == "ledger-5.ledger"


@pytest.mark.parametrize("cut", ["cut", "drop", "refuse"])
def test_a_line_that_is_cut_again_and_again_loses_nothing_and_doubles_nothing(
    ground, cut, monkeypatch
):
    monkeypatch.setattr(collecting, "_piece", spoiling(ground, cut))
    monkeypatch.setattr(line, "_EVERY", 0.01)
    with ground.driving() as driver:
        spoil(ground, cut)
        driver.until_load(10)
        spoil(ground, cut)
        driver.read("final")
        spoil(ground, cut)
    (end,) = ground.told("collected")
    ops = [op for op in ground.kept.ops if op.process != "driver"]
    assert end.value["expected"] == end.value["collected"] == len(ops)
    assert len(list(ground.kept.of("read"))) == 2
    assert ground.acknowledged() == ground.records()


def spoil(ground: Ground, cut: str) -> None:
    with ground.api.changed:
        if cut == "refuse":
            ground.api.refuse += [503, 429, 500]
        else:
            ground.api.cuts += [cut, cut]


_PIECE = 4000


def spoiling(ground: Ground, cut: str) -> Any:
    plain = collecting._piece

    def piece(to: Any, process: str, offset: int) -> bytes:
        spoil(ground, cut)
        return plain(to, process, offset)[:_PIECE]

    return piece


def test_a_pod_that_is_gone_is_told_and_what_was_not_collected_is_not_made_up(ground):
    with ground.driving() as driver:
        driver.until_load(5)
        ground.kubelet.stop()
        ground.api.remove("pods", "driver", SPACE)
        with pytest.raises(DriverLost, match="the pod driver is gone"):
            driver.until_load(5)
        assert driver.lost == "the pod driver is gone"
    (lost,) = ground.told("lost")
    assert (lost.value["note"], lost.value["node"]) == ("the pod driver is gone", driver.node)
    assert not ground.told("collected")
    assert list(ground.kept.of("write")) == []


def test_another_pod_of_its_name_is_not_taken_for_it(ground):
    with ground.driving() as driver:
        ground.api.put("pods", "driver", SPACE, metadata={"uid": "another"})
        timing.wait(
            ground.stream,
            lambda s: None if s.items("pods")["driver"].metadata.uid == "another" else "not yet",
            timing.Limit("another pod", 20),
        )
        with pytest.raises(DriverLost, match="another pod driver took its place"):
            driver.read("final")
    assert len(ground.told("lost")) == 1


def test_a_driver_that_was_started_again_is_told_and_its_spool_collected_whole(ground):
    with ground.driving() as driver:
        driver.until_load(20)
        ground.kubelet.stop()
        ground.kubelet.start(SPACE)
        with pytest.raises(DriverLost, match="its container was started again, 2 starts in all"):
            driver.until_load(1)
        with pytest.raises(DriverLost):
            driver.names()
    (lost,), (end,) = ground.told("lost"), ground.told("collected")
    assert lost.outcome == "info"
    assert end.value["expected"] == end.value["collected"] > 40
    assert ground.acknowledged() <= ground.records()


@pytest.mark.usefixtures("hurry")
def test_a_restart_that_nobody_asked_about_is_seen_when_it_is_collected(ground):
    with ground.driving() as driver:
        driver.until_load(1)
        ground.kubelet.stop()
        ground.kubelet.start(SPACE)
    assert len(ground.told("lost")) == len(ground.told("collected")) == 1


@pytest.mark.usefixtures("hurry")
def test_a_pod_that_answers_no_more_is_lost_within_its_limit(ground):
    with ground.driving() as driver:
        driver.until_load(1)
        ground.kubelet.stop()
        with pytest.raises(NotReady, match="driver answers within"):
            driver.counts()
    (lost,) = ground.told("lost")
    assert "error trying to reach service" in lost.value["note"]


@pytest.mark.usefixtures("hurry")
def test_a_driver_lost_while_it_is_collected_leaves_a_count_that_does_not_match(
    ground, monkeypatch
):
    plain = collecting._piece

    def piece(to: Any, process: str, offset: int) -> bytes:
        data = plain(to, process, offset)
        if not data:
            ground.kubelet.stop()
        return data

    monkeypatch.setattr(collecting, "_piece", piece)
    with ground.driving() as driver:
        driver.until_load(5)
    (end,) = ground.told("collected")
    assert 0 < end.value["collected"] < end.value["expected"]
    assert len(ground.told("lost")) == 1


def test_what_was_seen_is_collected_when_the_body_fails(ground):
    def fail() -> None:
        with ground.driving() as driver:
            driver.until_load(5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ground.told("collected")[0].value["collected"] >= 10


def test_an_interrupt_is_not_held_up_by_collecting(ground):
    with pytest.raises(KeyboardInterrupt), ground.driving():
        raise KeyboardInterrupt
    assert not ground.told("collected")


def test_a_program_that_ends_is_told_with_its_own_words(ground, tmp_path):
    (tmp_path / "client.py").write_text("1 / 0")
    profile = replace(PROFILE, client=str(tmp_path / "client.py"))
    with pytest.raises(CannotRun, match="ZeroDivisionError"), ground.driving(profile):
        pytest.fail("the body must not run")


def test_a_client_that_vanished_is_a_sentence(ground):
    profile = replace(PROFILE, client=str(ground.folder / "no.py"))
    with pytest.raises(CannotRun, match="to read the client file"), ground.driving(profile):
        pytest.fail("the body must not run")


def test_a_pod_that_never_gets_ready_is_told_with_what_the_kubelet_says(ground, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "driver is ready", 0.3)
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
    status = {"phase": "Pending", "containerStatuses": [{"name": "driver", **waiting}]}
    ground.api.put("pods", "driver", SPACE, status=status)
    with pytest.raises(NotReady, match="ErrImagePull no such image"), ground.driving():
        pytest.fail("the body must not run")


MODELS = """
HELD = {}
def get(host, key, timeout):
    return "ok", 200, "", HELD.get(key)
def put(host, key, value, timeout):
    HELD[key] = value
    return "ok", 200, ""
"""


def test_models_are_used_for_the_guarantees_that_need_them_and_waited_for(ground, monkeypatch):
    asked = pod.models(["durability.session", "storage.rebind", "durability.register"])
    assert asked == ("session", "register")
    client = ground.folder / "client.py"
    client.write_text((LEDGER / "client.py").read_text() + MODELS)
    profile = replace(PROFILE, client=str(client))
    with driving(
        ground.kube, ground.stream, SPACE, profile, "ground:1", ground.kept, seed=1, models=asked
    ) as driver:
        driver.until_models(3)
        monkeypatch.setitem(timing._SECONDS, "load flows", 0.4)
        with pytest.raises(NotReady, match=r"of the model session \d+ of \d+ wanted reads were"):
            driver.until_models(10_000)
    (end,) = ground.told("collected")
    assert end.value["expected"] == end.value["collected"]
    for model in asked:
        ops = list(ground.kept.of(model))
        assert {op.process for op in ops} == {f"{model}/0", f"{model}/1"}
        assert {op.value["f"] for op in ops} == {"read", "write"}


@pytest.mark.usefixtures("hurry")
def test_load_that_does_not_flow_is_told_by_member(ground):
    with ground.driving() as driver:
        with pytest.raises(NotReady, match=r"member 1 has acknowledged \d+ of 1\d+ wanted") as late:
            driver.until_load(100_000, (1,))
        assert "member 0" not in str(late.value)


@pytest.mark.usefixtures("hurry")
def test_names_that_do_not_settle_are_told_by_server(ground):
    with ground.driving() as driver:
        driver.until_settled({0: "10.0.0.1"})
        with pytest.raises(NotReady, match=r"\['10.0.0.2'\] for ledger-1.ledger, not 10.0.0.7"):
            driver.until_settled({0: "10.0.0.1", 1: "10.0.0.7"})


def test_a_spool_that_is_full_is_told(ground, monkeypatch):
    monkeypatch.setattr("seatrial.load.driving._PATIENCE", 0.2)
    # The last write that fits only in part says so by itself, every one after it by the kernel.
    full = re.compile("File too large|no space left")
    with ground.driving() as driver:
        driver.until_load(1)
        child = ground.kubelet.child
        assert child
        _, hard = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (3000, hard))
        with pytest.raises(CannotRun, match=full):
            driver.until_load(1000)
    (end,) = ground.told("collected")
    assert end.value["collected"] < end.value["expected"]
    assert full.search(end.value["note"])


def test_without_a_client_names_alone_are_asked_for(ground):
    with ground.driving(replace(PROFILE, client="", port=0)) as driver:
        driver.until_settled(FULL)
        driver.read("final")
        with pytest.raises(CannotRun, match="it names none"):
            driver.until_load(1)
    assert {op.what for op in ground.kept.ops} == {"clock", "dns", "driver"}
    assert len(ground.told("collected")) == 1


SECONDS = st.floats(0, 10)


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.tuples(SECONDS, SECONDS), min_size=9, max_size=9),
)
def test_the_true_offset_lies_within_the_error_however_long_answers_take(offset, delays):
    ways = iter(delays)
    clock, back = [0.0], [0.0]

    def ask() -> Any:
        there, back[0] = next(ways)
        clock[0] += there
        return clock[0] - offset

    def now() -> float:
        clock[0] += back[0]
        back[0] = 0.0
        return clock[0]

    found = measured(ask, now)
    assert abs(found.offset - offset) <= found.error + 1e-6
    assert found.error <= min(there + back for there, back in delays) / 2 + 1e-6


@given(st.floats(-1e3, 1e3), SECONDS, st.floats(-1e3, 1e3), SECONDS, st.floats(-1, 1))
def test_two_measurements_are_both_covered(first, error, last, later, share):
    one, other = Clock(first, error, 9), Clock(last, later, 9)
    both = combined(one, other)
    assert both.offset == (first if error <= later else last)
    for clock in (one, other):
        true = clock.offset + share * clock.error
        assert abs(true - both.offset) <= both.error + 1e-9
