"""Loading: an archive is sent without what every node has."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from seatrial.cluster.loading import slim

BASE, OWN = "a" * 64, "b" * 64


def archive(path: Path, *, oci: bool) -> Path:
    files = {
        f"blobs/sha256/{BASE}": b"base" * 1000,
        f"blobs/sha256/{OWN}": b"own",
        "index.json": json.dumps({"manifests": []}).encode(),
    } | ({"oci-layout": b"{}"} if oci else {})
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def contents(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar}
        return {name: file.read() for name, file in files.items() if file}


def test_layers_that_all_nodes_have_are_left_out(tmp_path):
    whole = archive(tmp_path / "whole", oci=True)
    slim(whole, tmp_path / "slim", {f"sha256:{BASE}", "sha256:unrelated"})
    assert contents(tmp_path / "slim") == {
        name: data for name, data in contents(whole).items() if BASE not in name
    }


@pytest.mark.parametrize(("oci", "held"), [(True, set()), (False, {f"sha256:{BASE}"})])
def test_nothing_is_left_out_when_nodes_have_nothing_or_the_layout_is_old(oci, held, tmp_path):
    whole = archive(tmp_path / "whole", oci=oci)
    slim(whole, tmp_path / "slim", held)
    assert contents(tmp_path / "slim") == contents(whole)
