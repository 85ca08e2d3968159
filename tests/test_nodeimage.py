"""The node image's inputs, their keys, and programs that are built once."""

import stat

import pytest

from seatrial.cluster import nodeimage
from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage import assembly, programs
from seatrial.cluster.nodeimage.inputs import content_key, inputs
from seatrial.cluster.nodeimage.programs import Module
from seatrial.errors import BadInput, CannotRun, ToolFailed
from seatrial.progress import Quiet


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def module(tmp_path):
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text("module m\n")
    return Module(folder, (".",), "m", 1, renamed={"server": "m"})


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Give a function that puts a go in PATH which runs this shell text with $out set."""

    def put(text: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "go"
        out = 'for word; do [ "$last" = -o ] && out=$word; last=$word; done; mkdir -p "$out"'
        program.write_text(f"#!/bin/sh\n{out}\n{text}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return put


def test_the_older_version_has_inputs_of_its_own_and_shares_the_rest():
    older, newer = inputs("1.33"), inputs("1.34")
    assert older.version == "1.33.13"
    assert older.kubernetes != newer.kubernetes
    assert older.key != newer.key
    assert {m.what for m in programs.modules(older)[1:]} == {
        m.what for m in programs.modules(newer)[1:]
    }


@pytest.mark.parametrize("asked", ["1.34", "v1.34", "1.34.4", "v1.34.4"])
def test_a_version_is_found_by_its_minor_or_whole(asked):
    assert inputs(asked).version == "1.34.4"


def test_an_unknown_version_names_those_there_are():
    with pytest.raises(BadInput, match=r"Kubernetes 1\.20") as caught:
        inputs("1.20")
    assert "1.34.4" in caught.value.seen


def test_the_key_follows_content_and_names_but_not_what_running_leaves(tmp_path):
    (tmp_path / "a").write_text("one")
    first = content_key([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert content_key([tmp_path]) == first
    (tmp_path / "a").write_text("two")
    second = content_key([tmp_path])
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, content_key([tmp_path]), content_key([tmp_path], "word")}) == 4


def test_programs_are_built_once_and_renamed(module, go):
    go('echo built > "$out/server"')
    home = programs.built(module, Quiet())
    assert (home / "m").read_text() == "built\n"
    go("exit 1")
    assert programs.built(module, Quiet()) == home


def test_a_build_that_failed_half_way_is_not_taken_for_whole(module, go):
    go('echo half > "$out/server"; echo out of memory >&2; exit 2')
    with pytest.raises(ToolFailed, match="out of memory"):
        programs.built(module, Quiet())
    go('echo whole > "$out/server"')
    assert (programs.built(module, Quiet()) / "m").read_text() == "whole\n"


def test_without_go_a_sentence_says_what_to_do(module, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotRun, match="Go, to build m") as caught:
        programs.built(module, Quiet())
    assert "install Go" in caught.value.remedy


def test_a_full_disk_is_seen_before_anything_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "_ROOM", 2**60)
    with pytest.raises(CannotRun, match="free disk") as caught:
        assembly._refuse_small(tmp_path)
    assert str(tmp_path) in caught.value.seen


def test_an_image_that_the_engine_has_is_not_made_again(monkeypatch):
    monkeypatch.setattr(Engine, "has", lambda _, reference: "seatrial/node" in reference)
    found = nodeimage.ensure(Engine("", private=False, version="28"), "1.34", Quiet())
    assert (found.kubernetes, found.airgapped) == ("1.34.4", True)


def test_every_component_that_kubeadm_needs_has_a_program():
    names = {m.what for m in programs.modules(inputs("1.34"))}
    ours = {"seatrial-volume", "toxiproxy"}
    assert {"CoreDNS", "etcd", "pause", "local-path-provisioner"} | ours <= names


def test_the_node_image_has_the_programs_that_faults_run_in_a_node():
    folders = (programs.volume_module(), programs.proxy_module())
    made = {name for module in folders for name in module.renamed.values()} | {"seatrial-volume"}
    assert made <= {*assembly._NODE_PROGRAMS}
    assert all((module.folder / "go.sum").is_file() for module in folders)
