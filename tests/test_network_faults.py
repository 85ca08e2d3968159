"""Faults of the network between pods: no receipt unless packets are lost, each way as it is told.

The machines and the network are of paper; what real rules and programs do is in
tests/test_barriers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from seatrial import timing
from seatrial.errors import BadInput, CannotRun
from seatrial.faults import FAULTS, broken
from seatrial.faults.journal import Entry, Step, owner, stamp
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.machine import Detour, Drop, NodeState, Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.kept import proofs
from seatrial.testing.network import PaperNetwork
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

DROPPING = ("partition", "partition-one-way", "packet-loss", "bandwidth", "dns-outage")
OF_A_LINE = (*DROPPING[:-1], "latency")
EVERY = (*OF_A_LINE, "dns-outage")
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@dataclass
class Sea:
    """Three members on two machines and what lies between them."""

    api: FakeApi
    network: PaperNetwork
    nodes: dict[str, PaperNode]

    def member(self, ordinal: int, *, address: str = "", ready: bool = True) -> str:
        """Let a member run, anew if there is one; gives its uid."""
        name, node = f"web-{ordinal}", self.nodes[f"node-{ordinal % 2}"]
        address = address or f"10.1.0.{ordinal}"
        if f"x/{name}" in self.api.of("pods"):
            self.api.remove("pods", name, "x")
        status = {**READY, "podIP": address}
        if not ready:
            status["conditions"] = []
        pod = self.api.put("pods", name, "x", spec={"nodeName": node.name}, status=status)
        uid: str = pod["metadata"]["uid"]
        for old in [n for n, one in node.runtime.containers.items() if one.pod == name]:
            node.runtime.ends(old)
        node.runtime.starts(Running(f"of {uid}", "web", name, uid, "x", 0.0))
        self.network.pods[f"of {uid}"] = address
        return uid

    @property
    def rules(self) -> dict[str, tuple[Drop, ...]]:
        """All that all machines drop."""
        return {
            f"{node.name}/{name}": drops
            for node in self.nodes.values()
            for name, drops in node.drops().items()
        }

    @property
    def detours(self) -> dict[str, Detour]:
        """All that all machines have answered late."""
        return {
            f"{node.name}/{name}": one
            for node in self.nodes.values()
            for name, one in node.detours().items()
        }

    @property
    def well(self) -> bool:
        return all(node.well for node in self.nodes.values()) and not any(
            self.network.late.values()
        )


@pytest.fixture
def sea(tmp_path):
    with fake_api() as api:
        api.kubelets = False
        network = PaperNetwork()
        nodes = {
            name: PaperNode(
                tmp_path / f"{name}.json", name, runtime=PaperRuntime(), network=network
            )
            for name in ("node-0", "node-1")
        }
        found = Sea(api, network, nodes)
        network.rules = lambda: found.rules
        network.detours = lambda: found.detours
        api.put("statefulsets", "web", "x", spec={"replicas": 3}, status={"replicas": 3})
        for ordinal in range(3):
            found.member(ordinal)
        yield found


@pytest.fixture
def scene(sea, tmp_path):
    with staging(sea.api, tmp_path, "pods", "nodes", "statefulsets", nodes=sea.nodes) as found:
        yield found


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "a broken network is watched", 0.0)
    monkeypatch.setitem(timing._SECONDS, "names settle", 0.3)
    monkeypatch.setitem(timing._SECONDS, "network is whole again", 3.0)


@pytest.mark.parametrize("name", EVERY)
def test_a_network_goes_through_its_stages_and_is_whole_again(name, scene, sea):
    kept = Kept()
    with broken(FAULTS[name], scene, 0, kept) as receipt:
        assert not sea.well
        assert len(list(scene.journal.folder.glob("*.json"))) == 1
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "healed"]
    assert receipt["witness"]
    assert sea.well
    assert scene.journal.read() == ([], {})


def test_who_is_parted_gets_nothing_and_is_heard_by_nobody(scene, sea):
    with broken(FAULTS["partition"], scene, 1, Kept()) as receipt:
        assert [*sea.nodes["node-1"].drops()] == [receipt["table"]]
        assert sea.nodes["node-0"].well
    assert (receipt["target"]["pod"], receipt["target"]["node"]) == ("web-1", "node-1")
    assert receipt["peers"] == ["10.1.0.0", "10.1.0.2"]
    assert receipt["datagrams"] == {"sent": 20, "to": 0, "from": 0}
    # 20 datagrams each way, and a connection
    assert receipt["dropped"] == 41


def test_who_is_parted_one_way_gets_all_and_is_heard_by_nobody(scene, sea):
    with broken(FAULTS["partition-one-way"], scene, 1, Kept()) as receipt:
        (drops,) = sea.rules.values()
    assert drops == (Drop(sources=("10.1.0.1",), targets=("10.1.0.0", "10.1.0.2")),)
    assert receipt["datagrams"] == {"sent": 20, "to": 20, "from": 0}


@pytest.mark.parametrize("name", ["packet-loss", "bandwidth"])
def test_a_bad_line_loses_some_each_way_and_never_all(name, scene):
    with broken(FAULTS[name], scene, 0, Kept()) as receipt:
        pass
    seen = receipt["datagrams"]
    assert 0 < seen["to"] < seen["sent"] == 200
    assert 0 < seen["from"] < 200
    assert receipt["dropped"] == 400 - seen["to"] - seen["from"]


def test_names_cannot_be_resolved_by_any_member_and_only_by_members(scene, sea):
    sea.network.pods["of another"] = "10.1.0.9"
    kept = Kept()
    with broken(FAULTS["dns-outage"], scene, 0, kept) as receipt:
        assert sea.nodes["node-0"].within("of another", ("bash", "-c", "", "query", "10.96.0.10"))
    assert receipt["members"] == ["web-0", "web-1", "web-2"]
    assert receipt["nodes"] == {"node-0": 2, "node-1": 1}
    assert [step["node"] for step in entries_of(kept)] == ["node-0", "node-1"]


def entries_of(kept: Kept) -> list[Mapping[str, str]]:
    steps = proofs(kept)["undo"]["steps"]
    return [dict(zip(("do", "node"), step.split(), strict=True)) for step in steps]


def test_what_is_late_is_late_by_the_peers_clock(scene, sea):
    with broken(FAULTS["latency"], scene, 0, Kept()) as receipt:
        assert sea.network.late == {"10.1.0.0": 200}
    assert receipt["connecting"] == {"before": 0.001, "now": 0.201}
    assert (receipt["by"], receipt["delay"]) == ("netem", 200)


def test_where_the_kernel_has_no_emulator_a_proxy_makes_answers_late(scene, sea):
    sea.network.emulates = False
    kept = Kept()
    uid = sea.api.of("pods")["x/web-0"]["metadata"]["uid"]
    with broken(FAULTS["latency"], scene, 0, kept) as receipt:
        (detour,) = sea.nodes["node-0"].detours().values()
        assert not any(sea.network.late.values())
    assert detour == Detour("10.1.0.0", ((8080, 20475),), 20474, 220)
    assert [receipt[x] for x in ("by", "delay", "ports")] == ["toxiproxy", 200, [8080]]
    assert "Specified qdisc kind is unknown" in receipt["netem"]
    assert receipt["exchange"] == {"port": 8080, "before": 0.001, "now": 0.221}
    assert receipt["bytes"] == 500
    healed = proofs(kept)["healed"]
    assert healed["exchange"] == {"port": 8080, "after": 0.001}
    assert (healed["same"], healed["held"]) == (True, True)
    assert healed["container"] == f"of {uid}"
    assert sea.well


def test_a_member_that_answers_nobody_is_not_slowed_down_and_the_kernels_word_is_told(scene, sea):
    sea.network.emulates, sea.network.port = False, 0
    kept = Kept()
    with (
        pytest.raises(CannotRun, match="qdisc kind is unknown") as caught,
        broken(FAULTS["latency"], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert "it listens at none" in caught.value.seen
    assert "doctor" in caught.value.remedy
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert sea.well


@pytest.mark.parametrize("late", [0, 199])
def test_a_proxy_that_is_not_slow_enough_gives_no_receipt(late, scene, sea):
    sea.network.emulates = False
    sea.network.detours = lambda: {
        name: replace(one, milliseconds=late) for name, one in sea.detours.items()
    }
    kept = Kept()
    with (
        pytest.raises(CannotRun, match=rf"1 ms, and then it took {late + 1} ms"),
        broken(FAULTS["latency"], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert sea.well


def test_a_proxy_that_counts_nothing_gives_no_receipt(scene, sea, monkeypatch):
    """What is late is late by somebody else."""
    monkeypatch.setattr(PaperNode, "diverted", lambda _: {"x-0-latency": 0})
    monkeypatch.setitem(timing._SECONDS, "a detour is taken", 0.2)
    sea.network.emulates = False
    with (
        pytest.raises(CannotRun, match="counted no byte"),
        broken(FAULTS["latency"], scene, 0, Kept()),
    ):
        pytest.fail("the body must not run without a receipt")
    assert sea.well


@pytest.mark.parametrize("late", [0, 300])
def test_a_proxy_that_stays_or_a_member_that_stays_slow_is_not_healed(
    late, scene, sea, monkeypatch
):
    monkeypatch.setitem(timing._SECONDS, "network is whole again", 0.3)
    sea.network.emulates = False
    why = f"took .*{(late + 1) / 1000}" if late else "a proxy x-0-latency is still in node-0"

    def stays(node: PaperNode, _: str = "") -> tuple[str, ...]:
        node.network.late["10.1.0.0"] = late
        if late:
            node._become(detours={})
        return ()

    with pytest.raises(CannotRun, match=why), broken(FAULTS["latency"], scene, 0, Kept()):
        monkeypatch.setattr(PaperNode, "straighten", stays)


@pytest.mark.parametrize("name", DROPPING)
def test_rules_that_drop_nothing_give_no_receipt(name, scene, sea):
    sea.network.rules = dict
    kept = Kept()
    with pytest.raises(CannotRun), broken(FAULTS[name], scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert sea.well


def test_rules_that_count_nothing_give_no_receipt(scene, sea, monkeypatch):
    """What was lost was lost by somebody else."""
    monkeypatch.setattr(PaperNode, "barred", lambda _: {})
    for name in DROPPING:
        with (
            pytest.raises(CannotRun, match=r"met none|none was in"),
            broken(FAULTS[name], scene, 0, Kept()),
        ):
            pytest.fail("the body must not run without a receipt")
    assert sea.well


def test_one_way_that_is_both_ways_gives_no_receipt(scene, sea):
    parted = (Drop(sources=("10.1.0.0",)), Drop(targets=("10.1.0.0",)))
    sea.network.rules = lambda: dict.fromkeys(sea.rules, parted)
    with (
        pytest.raises(CannotRun, match="0 of 20 datagrams came to it"),
        broken(FAULTS["partition-one-way"], scene, 0, Kept()),
    ):
        pytest.fail("the body must not run without a receipt")


def test_a_line_that_is_bad_by_itself_is_not_broken(scene, sea):
    sea.network.lost = 10
    for name in OF_A_LINE:
        with (
            pytest.raises(CannotRun, match="10 came to it and 10 from it"),
            broken(FAULTS[name], scene, 0, Kept()),
        ):
            pytest.fail("it must not be broken")
    assert sea.well


def test_members_that_nobody_answers_are_not_cut_from_their_names(scene, sea):
    sea.network.rules = lambda: {"theirs": (Drop(port=53),)}
    with (
        pytest.raises(Exception, match="no name server answers web-0, web-1, web-2"),
        broken(FAULTS["dns-outage"], scene, 0, Kept()),
    ):
        pytest.fail("it must not be broken")
    assert sea.rules == {}


@pytest.mark.parametrize("name", EVERY)
def test_what_fails_while_it_is_broken_is_undone_and_raised(name, scene, sea):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS[name], scene, 0, kept):
        raise ZeroDivisionError
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    assert sea.well


def test_a_member_that_noticed_is_waited_for_and_told(scene, sea, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "a broken network is watched", 3.0)
    kept = Kept()

    class Recovering(PaperNode):
        """Its pods are Ready again once the network is."""

        def unbar(self, name: str = "") -> tuple[str, ...]:
            there = super().unbar(name)
            sea.member(0, address="10.1.0.77")
            return there

    old = sea.nodes["node-0"]
    sea.nodes["node-0"] = Recovering(old.path, old.name, runtime=old.runtime, network=old.network)
    with broken(FAULTS["partition"], scene, 0, kept):
        sea.member(0, ready=False)
    healed = proofs(kept)["healed"]
    assert (healed["felt"], healed["held"]) == (True, False)


def test_a_set_of_one_has_no_line_to_break(scene, sea):
    sea.api.put("statefulsets", "web", "x", spec={"replicas": 1})
    timing.wait(scene.stream, lambda _: _alone(scene), timing.Limit("the set is small", 5))
    with pytest.raises(CannotRun, match="one member"):
        next(FAULTS["partition"].inject(scene, 0))


def _alone(scene: Scene) -> str | None:
    return None if len(scene.replicated().ordinals) == 1 else "there are more"


@pytest.mark.parametrize("role", ["driver", "control-plane"])
@pytest.mark.parametrize("name", EVERY)
def test_nobody_but_a_workers_pods_are_hit(name, role, scene, sea):
    old = sea.nodes["node-0"]
    sea.nodes["node-0"] = PaperNode(
        old.path, old.name, role, runtime=old.runtime, network=old.network
    )
    with pytest.raises(BadInput), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("it must not be broken")
    assert sea.well


def entry(*steps: Step) -> Entry:
    number, now = stamp()
    return Entry(
        number, "partition", 0, "sea", "x", "", "", "node-0", "c", "b", steps, owner(), now
    )


def test_undoing_takes_away_what_it_names_and_does_nothing_more(sea):
    node = sea.nodes["node-0"]
    node.bar("mine", (Drop(port=9),))
    node.bar("of-another-run", (Drop(port=9),))
    mine = entry(Step("unbar", node="node-0", value="mine"))
    assert "dropped packets by our rules (mine)" in undone(mine, Reach(sea.nodes))[0]
    assert [*node.drops()] == ["of-another-run"]
    assert undone(mine, Reach(sea.nodes)) == []
    assert undone(mine, Reach({})) == []


def test_undoing_speeds_up_the_line_of_that_pod_and_is_content_if_it_ended(sea):
    node, uid = sea.nodes["node-0"], sea.member(0)
    node.within(f"of {uid}", ("tc", "qdisc", "add", "dev", "eth0", "root", "netem", "delay", "5ms"))
    node.divert("x-0-latency", f"of {uid}", Detour("10.1.0.0", ((80, 2),), 1, 200))
    node.divert("y-0-latency", f"of {uid}", Detour("10.1.0.9", ((80, 2),), 1, 200))
    straight = entry(Step("straighten", node="node-0", value="x-0-latency"))
    assert "a slow proxy of ours before pods (x-0-latency)" in undone(straight, Reach(sea.nodes))[0]
    assert [*node.detours()] == ["y-0-latency"]
    assert undone(straight, Reach(sea.nodes)) == []
    slow = entry(Step("unshape", node="node-0", value={"namespace": "x", "uid": uid}))
    assert "web-0 was slow" in undone(slow, Reach(sea.nodes))[0]
    assert undone(slow, Reach(sea.nodes)) == []
    sea.member(0)
    assert undone(slow, Reach(sea.nodes)) == []


def test_a_machine_of_paper_keeps_its_rules_in_its_file_until_it_boots(tmp_path: Path):
    told: list[str] = []
    node = PaperNode(tmp_path / "n.json", tell=lambda when, _: told.append(when))
    node.bar("mine", (Drop(("a",), ("b",), 53, 30, 64),))
    assert PaperNode(tmp_path / "n.json").drops() == {"mine": (Drop(("a",), ("b",), 53, 30, 64),)}
    node.kill()
    node.start()
    assert (node.well, node.drops()) == (True, {})
    assert isinstance(node.state(), NodeState)
