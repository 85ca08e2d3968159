"""The proof names what is missing: which part, which node, and what was seen instead."""

from __future__ import annotations

import importlib.util
import socketserver
import struct
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from seatrial.cluster import proof
from seatrial.cluster.manifests import NAMESPACE, Proof, claim_manifests, manifests
from seatrial.cluster.shapes import ZONE, Declared, shape
from seatrial.errors import CannotRun
from seatrial.kube.objects import Machine, Pod
from seatrial.places import carried

NODES = (Declared("cp", "control-plane", ("t=:NoSchedule",)), Declared("w", "worker", ()))
PROOF = Proof(NODES, "an/image:1")
Things = Sequence[dict[str, Any]]


class Seen:
    """A stream that stands still."""

    def __init__(self, nodes: Things = (), pods: Things = ()) -> None:
        self.found = {
            "nodes": {n["metadata"]["name"]: msgspec.convert(n, Machine) for n in nodes},
            "pods": {
                f"{p['metadata']['namespace']}/{p['metadata']['name']}": msgspec.convert(p, Pod)
                for p in pods
            },
        }

    def items(self, kind: str) -> Any:
        return self.found[kind]


def still(nodes: Things = (), pods: Things = ()) -> Any:
    return Seen(nodes, pods)


def machine(
    name: str, *taints: str, ready: str = "True", message: str = "", cordoned: bool = False
) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"unschedulable": cordoned, "taints": [
            {"key": key, "effect": "NoSchedule"} for key in taints]},
        "status": {"conditions": [{"type": "Ready", "status": ready, "message": message}]},
    }  # fmt: skip


def pod(
    name: str,
    node: str,
    app: str,
    namespace: str = NAMESPACE,
    ready: str = "True",
    phase: str = "Running",
    **labels: str,
) -> dict[str, Any]:
    key = "k8s-app" if namespace == "kube-system" else "app"
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {key: app, **labels}},
        "spec": {"nodeName": node},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([machine("cp", "t"), machine("w")], None),
        ([machine("cp", "t")], "node w has not joined"),
        ([machine("cp", "t"), machine("w", ready="False", message="no network")], "no network"),
        ([machine("cp", "t"), machine("w", cordoned=True)], "node w is cordoned"),
        ([machine("cp", "t"), machine("w", "node.kubernetes.io/not-ready")], "still has the taint"),
        ([machine("cp"), machine("w")], "node cp has taints []"),
    ],
)
def test_nodes_are_ready_and_tainted_as_declared(nodes, said):
    seen = proof._nodes_differ(still(nodes), PROOF)
    assert seen is None if said is None else said in str(seen)


def test_a_node_in_another_zone_than_its_shape_declares_is_no_proof():
    zoned = Proof((Declared("w", "worker", (), "north"),), "an/image:1")
    south = machine("w")
    south["metadata"]["labels"] = {ZONE: "south"}
    assert "is in zone 'south'" in str(proof._nodes_differ(still([south]), zoned))
    assert "is in zone ''" in str(proof._nodes_differ(still([machine("w")]), zoned))
    south["metadata"]["labels"] = {ZONE: "north"}
    assert proof._nodes_differ(still([south]), zoned) is None


def test_every_node_has_to_prove_itself():
    one = [pod("a", "cp", "proof"), pod("b", "w", "proof", ready="False")]
    assert "node w is not done" in str(proof._pods_differ(still(pods=one), PROOF))
    assert "no pod of the proof on node w" in str(proof._pods_differ(still(pods=one[:1]), PROOF))


def test_dns_servers_in_the_middle_of_a_change_are_no_proof():
    def server(name: str, version: str) -> dict[str, Any]:
        return pod(name, "cp", "kube-dns", "kube-system", **{"pod-template-hash": version})

    assert proof._dns_differs(still(pods=[server("a", "1"), server("b", "1")])) is None
    said = proof._dns_differs(still(pods=[server("a", "1"), server("b", "2")]))
    assert said == "the DNS servers are being replaced"
    assert "no pod with the label" in str(proof._dns_differs(still()))


def test_a_dns_server_that_one_node_cannot_reach_is_named():
    with pytest.raises(CannotRun, match=r"(?s)DNS from node w: .*10\.1\.1\.1.*timed out"):
        proof._check_servers("w", {"10.1.1.2": 0.001, "10.1.1.1": "TimeoutError: timed out"})


@pytest.mark.parametrize(
    ("phase", "said"), [("Succeeded", None), ("Failed", "did not keep"), ("Pending", "not read")]
)
def test_a_claim_is_proved_when_another_container_has_read_it(phase, said):
    seen = proof._claim_differs(still(pods=[pod("claim", "w", "claim", phase=phase)]), PROOF)
    assert seen is None if said is None else said in str(seen)


SHARED = replace(PROOF, elsewhere=True)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (None, "1 pod that uses"),
        ("Pending", "not read yet by claim-elsewhere (Pending)"),
        ("Failed", "the claim on node v did not keep"),
        ("Succeeded", None),
    ],
)
def test_a_shared_claim_is_proved_only_when_another_node_has_read_it(other, said):
    pods = [pod("claim", "w", "claim", phase="Succeeded")]
    if other:
        pods += [pod("claim-elsewhere", "v", "claim", phase=other)]
    seen = proof._claim_differs(still(pods=pods), SHARED)
    assert seen is None if said is None else said in str(seen)
    assert proof._claim_differs(still(pods=pods[:1]), PROOF) is None


def test_where_a_shared_claim_was_read_is_told():
    pods = [pod("claim", "w", "claim"), pod("claim-elsewhere", "v", "claim")]
    assert proof._claim_facts(still(pods=pods), SHARED) == {"node": "w", "elsewhere": ["v"]}


def test_the_reader_elsewhere_can_never_run_beside_the_writer():
    claim, writer, reader = claim_manifests(SHARED)
    (term,) = reader["spec"]["affinity"]["podAntiAffinity"].popitem()[1]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    wanted = term["labelSelector"]["matchLabels"].items()
    assert wanted <= writer["metadata"]["labels"].items()
    (volume,) = reader["spec"]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_the_manifests_are_whole_and_stay_in_their_own_namespace():
    asked = Proof(shape("three-workers").nodes("sea"), "an/image:1", storage="standard")
    found = [*manifests(asked), *claim_manifests(asked)]
    assert [document["kind"] for document in found] == [
        "Namespace", "ServiceAccount", "Service", "DaemonSet", "PersistentVolumeClaim", "Pod",
    ]  # fmt: skip
    assert "${" not in str(found)
    assert all("namespace" not in document["metadata"] for document in found)
    assert found[4]["spec"]["storageClassName"] == "standard"


def test_the_default_class_of_a_cluster_is_taken_by_naming_none():
    assert "storageClassName" not in claim_manifests(PROOF)[0]["spec"]


def test_the_claim_waits_for_a_node_that_takes_pods():
    waiting = proof._nobody_takes_pods(still([machine("cp", "t")]), PROOF)
    assert waiting == "node w has not joined"
    assert proof._nobody_takes_pods(still([machine("w")]), PROOF) is None


class Dns(socketserver.BaseRequestHandler):
    """A DNS server with one answer to every question."""

    def handle(self) -> None:
        data, socket = self.request
        header = struct.pack(">6H", *struct.unpack(">H", data[:2]), 0x8180, 1, 1, 0, 0)
        socket.sendto(header + data[12:], self.client_address)


def test_the_script_asks_one_dns_server_without_a_resolver_between(monkeypatch):
    script = _script()
    with socketserver.UDPServer(("127.0.0.1", 0), Dns) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(script, "DNS_PORT", server.server_address[1])
        assert 0 <= script.ask("127.0.0.1", "a.b.svc.cluster.local") < 1
        server.shutdown()


def test_the_script_finds_on_a_volume_only_the_word_that_was_written(tmp_path):
    script, path = _script(), str(tmp_path / "word")
    script.write(path, "one")
    script.read(path, "one")
    with pytest.raises(SystemExit, match="wanted 'two'"):
        script.read(path, "two")
    assert script.find(path) == "one"


def _script() -> Any:
    path = carried("clusters") / "proof/proof.py"
    spec = importlib.util.spec_from_file_location("proof_script", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
