"""Puts the node image together: base tree, programs, component images, preloading.

Two lanes run side by side, since compiling and unpacking seldom want the same thing.
May import: errors, places, progress, command, cluster.{engine,debian,images}.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from seatrial import command
from seatrial.cluster import images
from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage import components
from seatrial.cluster.nodeimage.inputs import Inputs
from seatrial.cluster.nodeimage.programs import built, modules
from seatrial.errors import CannotRun, ToolFailed
from seatrial.places import cache
from seatrial.progress import Progress

_ROOM = 8 * 2**30
_NAMED = "{{.Repository}}:{{.Tag}}"
_NODE_PROGRAMS = ("kubeadm", "kubectl", "kubelet", "seatrial-volume", "toxiproxy-server")
_ENTRYPOINT = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'


def reference(wanted: Inputs) -> str:
    """Name the image of these inputs."""
    return f"seatrial/node:v{wanted.version}-{wanted.key}"


def assemble(engine: Engine, wanted: Inputs, progress: Progress) -> None:
    """Build the node image; finished parts are kept, so that a second try goes on."""
    _refuse_small(cache())
    progress.note(
        f"making a node image of Kubernetes {wanted.version}: about 10 minutes, once; "
        "an interrupted build goes on where it stopped"
    )
    with ThreadPoolExecutor(1) as other, command.together():
        unpacked = other.submit(_unpacked, engine, wanted, progress)
        programs = _programs(wanted, progress)
        base, ground = unpacked.result()
    parts = components.made(engine, wanted, programs, base, progress)
    with progress.step("putting the node image together", 40):
        _node(engine, wanted, programs, base, [*parts, ground])
    engine.docker("rmi", *parts, _packages(wanted))
    _forget_older(engine, wanted)


def _forget_older(engine: Engine, wanted: Inputs) -> None:
    """Remove what our own engine holds of earlier inputs; one that a node runs on stays."""
    if not engine.private:
        return
    version = f"seatrial/node:v{wanted.version}-*"
    for old in engine.docker("image", "ls", "--format", _NAMED, version).split():
        if old != reference(wanted):
            with suppress(ToolFailed):
                engine.docker("rmi", old)
    engine.docker("image", "prune", "--force")


def _unpacked(engine: Engine, wanted: Inputs, progress: Progress) -> tuple[str, str]:
    """Make what needs no compiler: the base tree, the ground image, the node's packages."""
    base, ground = images.base(engine, progress), images.ground(engine, progress)
    if not engine.has(_packages(wanted)):
        with progress.step("unpacking the node's packages", 40), images.scratch() as context:
            shutil.copy(wanted.folder / "node" / "Dockerfile", context)
            shutil.copy(wanted.folder / "packages.txt", context)
            images.docker_build(engine, context, _packages(wanted), target="packages", BASE=base)
    return base, ground


def _packages(wanted: Inputs) -> str:
    return f"seatrial/node-packages:{wanted.key}"


def _programs(wanted: Inputs, progress: Progress) -> dict[str, Path]:
    folders = [built(module, progress) for module in modules(wanted)]
    return {program.name: program for folder in folders for program in folder.iterdir()}


def _node(
    engine: Engine, wanted: Inputs, programs: dict[str, Path], base: str, preloaded: list[str]
) -> None:
    bare = f"seatrial/node-bare:{wanted.key}"
    with images.scratch() as context:
        shutil.copytree(wanted.folder / "node", context, dirs_exist_ok=True)
        shutil.copy(wanted.folder / "packages.txt", context)
        _configure(context / "files", wanted, components.pause(programs["kubeadm"], wanted))
        (context / "bin").mkdir()
        for name in _NODE_PROGRAMS:
            shutil.copy(programs[name], context / "bin" / name)
        images.docker_build(engine, context, bare, BASE=base)
        _preload(engine, bare, reference(wanted), context / "preload.sh", preloaded)
    engine.docker("rmi", bare)


def _configure(files: Path, wanted: Inputs, pause: str) -> None:
    (files / "kind").mkdir(exist_ok=True)
    (files / "kind" / "version").write_text(f"v{wanted.version}\n")
    config = files / "etc/containerd/config.toml"
    config.write_text(config.read_text().replace("PAUSE", pause))
    (files / "usr/local/bin/entrypoint").chmod(0o755)


def _preload(engine: Engine, bare: str, target: str, script: Path, preloaded: list[str]) -> None:
    with images.scratch() as folder:
        archive = folder / "images.tar"
        engine.docker("save", "--output", str(archive), *preloaded)
        container = engine.docker(
            "run", "--detach", "--privileged", "--volume", "/work",
            "--entrypoint", "/bin/sleep", bare, "infinity",
        ).strip()  # fmt: skip
        try:
            engine.docker("cp", str(script), f"{container}:/preload.sh")
            engine.docker("exec", "--interactive", container, "sh", "/preload.sh", stdin=archive)
            engine.docker(
                "commit", "--change", _ENTRYPOINT, "--change", "CMD []", container, target
            )
        finally:
            engine.docker("rm", "--force", "--volumes", container)


def _refuse_small(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        raise CannotRun(
            f"{_ROOM / 2**30:.0f} GiB of free disk, to build the node image",
            seen=f"{free / 2**30:.1f} GiB at {folder}",
            remedy="free some, or set XDG_CACHE_HOME and XDG_STATE_HOME to a larger disk",
        )
