"""The component images of a cluster, made of programs alone, under the names kubeadm asks for.

May import: progress, command, cluster.{engine,images}.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from seatrial import command
from seatrial.cluster import images
from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage.inputs import Inputs
from seatrial.places import cache
from seatrial.progress import Progress

_PROXY = "kube-proxy"
_BIN = "usr/local/bin"
"""Where static pods expect the programs that they name without a folder."""


def made(
    engine: Engine, wanted: Inputs, programs: Mapping[str, Path], base: str, progress: Progress
) -> list[str]:
    """Make every component image and give their references."""
    with progress.step("making the component images", 40):
        names = _asked_for(programs["kubeadm"], wanted)
        rest = {name: ref for name, ref in names.items() if name != _PROXY}
        for name, reference in rest.items():
            _import(engine, reference, name, programs[name])
        with images.scratch() as context:
            shutil.copytree(wanted.folder / "images/kube-proxy", context, dirs_exist_ok=True)
            shutil.copy(programs[_PROXY], context / _PROXY)
            images.docker_build(engine, context, names[_PROXY], BASE=base)
        return [*names.values(), *_extras(engine, programs, base)]


def pause(kubeadm: Path, wanted: Inputs) -> str:
    """Name the pause image that this kubeadm asks for."""
    return _asked_for(kubeadm, wanted)["pause"]


def _asked_for(kubeadm: Path, wanted: Inputs) -> dict[str, str]:
    argv = [str(kubeadm), "config", "images", "list", "--kubernetes-version", wanted.version]
    references = command.run(argv).split()
    return {reference.rsplit("/", 1)[1].split(":")[0]: reference for reference in references}


def _extras(engine: Engine, programs: Mapping[str, Path], base: str) -> list[str]:
    podnet, provisioner, helper = (
        f"seatrial/{name}:preloaded" for name in ("podnet", "local-path-provisioner", "helper")
    )
    _import(engine, podnet, "podnet", programs["podnet"])
    name = "local-path-provisioner"
    _import(engine, provisioner, name, programs[name])
    engine.docker("tag", base, helper)
    return [podnet, provisioner, helper]


def _import(engine: Engine, reference: str, name: str, program: Path) -> None:
    folder = cache() / "components"
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{name}.tar"
    _pack(archive, f"{_BIN}/{name}", program)
    start = f'ENTRYPOINT ["/{_BIN}/{name}"]'
    path = f"ENV PATH=/{_BIN}"
    engine.docker("import", "--change", start, "--change", path, str(archive), reference)
    archive.unlink()


def _pack(archive: Path, name: str, program: Path) -> None:
    with tarfile.open(archive, "w") as tar:
        for folder in ("tmp", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        entry = tarfile.TarInfo(name)
        data = program.read_bytes()
        entry.size, entry.mode = len(data), 0o755
        tar.addfile(entry, io.BytesIO(data))
