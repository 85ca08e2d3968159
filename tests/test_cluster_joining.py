"""A lost worker is made again from what was kept of it, and from nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.cluster import joining, nodes, records
from seatrial.cluster.joining import run_words
from seatrial.cluster.records import Made, Record
from seatrial.errors import BadInput, CannotRun, NotOurs
from seatrial.progress import Quiet

KEPT: dict[str, Any] = {
    "Name": "/sea-worker",
    "Config": {
        "Hostname": "sea-worker",
        "Labels": {"io.x-k8s.kind.cluster": "sea", "io.x-k8s.kind.role": "worker"},
        "Volumes": {"/var": {}},
        "Env": ["container=docker"],
    },
    "HostConfig": {
        "Binds": ["/lib/modules:/lib/modules:ro"],
        "Tmpfs": {"/run": "", "/tmp": "size=1g"},  # noqa: S108 - a path in the node
        "SecurityOpt": ["seccomp=unconfined"],
        "Sysctls": {"net.ipv6.conf.all.forwarding": "1"},
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 1},
        "CgroupnsMode": "private",
    },
    "NetworkSettings": {"Networks": {"kind": {}}},
}
CONFIG = """
apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
discovery: {bootstrapToken: {token: abcdef.0123456789abcdef}}
---
kind: KubeletConfiguration
"""


def test_the_container_is_made_as_kind_made_it():
    words = list(run_words(KEPT, "an/image:1"))
    assert words[-1] == "an/image:1"
    assert words[words.index("--net") + 1] == "kind"
    assert {
        "--label=io.x-k8s.kind.cluster=sea", "--label=io.x-k8s.kind.role=worker",
        "--volume=/var", "--volume=/lib/modules:/lib/modules:ro", "--tmpfs=/run",
        "--tmpfs=/tmp:size=1g", "--security-opt=seccomp=unconfined", "--env=container=docker",
        "--sysctl=net.ipv6.conf.all.forwarding=1", "--restart=on-failure:1", "--cgroupns=private",
    } <= set(words)  # fmt: skip


def test_a_directory_that_all_nodes_share_is_mounted_again():
    binds = ["/state/clusters/sea/mounts/shared:/srv/shared"]
    kept = {**KEPT, "HostConfig": {**KEPT["HostConfig"], "Binds": binds}}
    assert f"--volume={binds[0]}" in run_words(kept, "i")


def test_a_container_without_extras_gets_none():
    bare = {**KEPT, "HostConfig": {}, "Config": {"Hostname": "sea-worker"}}
    assert not [word for word in run_words(bare, "i") if word.startswith("--volume")]


def test_the_token_lives_an_hour_more():
    secret = joining._token(CONFIG)
    assert secret["metadata"]["name"] == "bootstrap-token-abcdef"
    assert secret["stringData"]["token-secret"] == "0123456789abcdef"
    ends = datetime.fromisoformat(secret["stringData"]["expiration"])
    assert 3500 < (ends - datetime.now(UTC)).total_seconds() <= 3600


@pytest.fixture
def record(tmp_path, monkeypatch) -> Record:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = (Made("sea-control-plane", "control-plane", "1"), Made("sea-worker", "worker", "2"))
    return records.save(Record("sea", "three-workers", "fast", "kind", records.READY, "now",
                               image="i", nodes=made))  # fmt: skip


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("node", ["sea-worker9", "sea-control-plane"])
def test_only_a_worker_of_the_cluster_can_be_made_again(node):
    with pytest.raises(BadInput, match="one of the workers of sea: sea-worker"):
        joining.join(_no_engine(), "sea", node, Quiet())


@pytest.mark.usefixtures("record")
def test_a_node_that_is_there_is_not_lost(monkeypatch):
    there = nodes.Container("2", "sea-worker", "exited", 0, "now", "i", "")
    monkeypatch.setattr(nodes, "of_cluster", lambda *_: (there,))
    with pytest.raises(CannotRun, match=r"(?s)exited.*docker start sea-worker"):
        joining.join(_no_engine(), "sea", "sea-worker", Quiet())


def test_a_cluster_that_we_did_not_make_gets_no_node_from_us(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(NotOurs):
        joining.join(_no_engine(), "sea", "sea-worker", Quiet())


def _no_engine() -> Any:
    return None
