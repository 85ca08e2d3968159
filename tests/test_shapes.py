"""Every clusters/*.yaml is a shape, an ordinary kind configuration that says what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.cluster.config import kind_config
from seatrial.cluster.shapes import read, shape, shapes
from seatrial.cluster.timings import TIMINGS
from seatrial.errors import BadInput

TAINT = "seatrial.dev/driver=:NoSchedule"
FOLDER = Path("/state/clusters/sea")
SOME = """# A shape.
kind: Cluster
nodes:
  - {role: control-plane}
  - {role: worker, extraMounts: [{hostPath: shared, containerPath: /srv/shared}]}
"""


@pytest.mark.parametrize("name", shapes())
def test_every_shape_says_in_a_sentence_what_it_is_for(name):
    assert len(shape(name).sentence.split()) > 5


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("name", shapes())
def test_a_configuration_names_its_cluster_and_the_image_of_each_node(name, timing):
    config = kind_config("sea", shape(name), TIMINGS[timing], "an/image:1", FOLDER)
    assert config["name"] == "sea"
    assert {node["image"] for node in config["nodes"]} == {"an/image:1"}
    assert "networking" not in config, "the engine chooses the port"
    assert yaml.safe_load(yaml.safe_dump(config)) == config


def test_a_configuration_leaves_the_shape_as_it_was():
    before = yaml.safe_dump(shape("three-workers").config)
    kind_config("sea", found := shape("three-workers"), TIMINGS["fast"], "an/image:1", FOLDER)
    assert yaml.safe_dump(found.config) == before


def test_nodes_are_named_as_kind_names_them_and_the_driver_is_apart():
    nodes = {node.name: node for node in shape("three-workers").nodes("sea")}
    assert list(nodes) == [
        "sea-control-plane", "sea-worker", "sea-worker2", "sea-worker3", "sea-worker4",
    ]  # fmt: skip
    assert nodes["sea-worker4"].role == "driver"
    assert nodes["sea-worker4"].taints == (TAINT,)
    assert nodes["sea-worker"].taints == ()
    assert nodes["sea-control-plane"].taints == (
        "node-role.kubernetes.io/control-plane=:NoSchedule",
    )


def test_the_two_zones_have_two_workers_each_and_the_driver_is_in_none():
    zones = [node.zone for node in shape("two-zones").nodes("sea")]
    assert zones == ["", "north", "north", "south", "south", ""]


def test_a_single_node_takes_work_so_it_has_no_taint():
    (node,) = shape("one-node").nodes("sea")
    assert (node.name, node.role, node.taints) == ("sea-control-plane", "control-plane", ())


def test_an_unknown_shape_is_answered_with_the_nearest():
    with pytest.raises(BadInput, match="did you mean three-workers"):
        shape("three-worker")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nodes: [", "in YAML"),
        ("# A shape.\nnodes: []\n", "kind: Cluster"),
        ("# A shape.\nkind: Cluster\n", "no list of nodes"),
        ("# A shape.\nkind: Cluster\nnodes: [{role: worker}]\n", "0 control planes"),
        ("# A shape.\nkind: Cluster\nnodes: [{role: master}]\n", "'master'"),
        ("kind: Cluster\nnodes: [{role: control-plane}]\n", "in a comment at its top"),
        (SOME, "none, at /srv/shared on some of its nodes"),
    ],
)
def test_a_file_that_is_no_shape_is_refused_with_what_it_lacks(tmp_path, text, said):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=said):
        read(path)
