"""Images of subjects and of the ground they stand on: built without a registry, loaded into nodes.

A subject's Dockerfile is an ordinary one that begins `ARG GROUND` / `FROM ${GROUND}`.
May import: errors, places, progress, command, cluster.{borrowed,engine,debian}, nodeimage.inputs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial import command
from seatrial.cluster import borrowed, debian
from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage.inputs import content_key, ground_folder
from seatrial.errors import CannotRun, ToolFailed
from seatrial.places import cache
from seatrial.progress import Progress

_SUITE = "bookworm"
_NAMESPACE = "seatrial"
_ORDINARY = f"debian:{_SUITE}-slim"
_ASK = 20.0
"""Seconds until an engine has said whether it reaches a registry; a pull that moves goes on."""


def pulled(engine: Engine, reference: str, progress: Progress) -> bool:
    """Whether the engine has an image, after pulling it where a registry answers."""
    if engine.has(reference):
        return True
    with progress.step(f"asking for {reference}", 3):
        try:
            engine.docker("manifest", "inspect", reference, limit=_ASK)
        except ToolFailed:
            return False
    with progress.step(f"pulling {reference}", 60):
        engine.docker("pull", "--quiet", reference)
    return True


def base(engine: Engine, progress: Progress) -> str:
    """Give a bare Debian: the ordinary image where a registry answers, else a tree made here."""
    own = f"{_NAMESPACE}/base:{_SUITE}-{content_key([], _SUITE)}"
    if engine.has(own):
        return own
    if pulled(engine, _ORDINARY, progress):
        return _ORDINARY
    _refuse_hopeless()
    with progress.step("making a Debian base tree", 75), scratch() as folder:
        _import_tree(engine, folder, own)
    return own


def ground(engine: Engine, progress: Progress) -> str:
    """Give the image of Debian with Python that subjects, drivers and proofs run on."""
    reference = ground_reference()
    if not engine.has(reference):
        debian_image = base(engine, progress)
        with progress.step("building the ground image", 15):
            docker_build(engine, ground_folder(), reference, BASE=debian_image)
    return reference


def ground_reference() -> str:
    """Name the ground image."""
    return f"{_NAMESPACE}/ground:{content_key([ground_folder()])}"


def build(engine: Engine, name: str, folder: Path, progress: Progress) -> str:
    """Build a subject's image from its folder unless the engine has it, and give its reference."""
    below = ground(engine, progress)
    lent = borrowed.versions(folder)
    reference = f"{_NAMESPACE}/{name}:{content_key([folder], below, *lent)}"
    if not engine.has(reference):
        with progress.step(f"building the image {name}", 5), scratch() as room:
            context = borrowed.lend(folder, room / "context") if lent else folder
            docker_build(engine, context, reference, GROUND=below)
    return reference


def docker_build(
    engine: Engine, context: Path, reference: str, *, target: str = "", **arguments: str
) -> None:
    """Build a Dockerfile, or its stage `target`, with the engine's own builder.

    The log is kept in the cache.
    """
    words = [w for k, v in arguments.items() for w in ("--build-arg", f"{k}={v}")]
    words += ["--target", target] if target else []
    log = cache() / "logs" / f"{reference.replace('/', '_').replace(':', '_')}.log"
    engine.docker(
        "build", "--network", "bridge", *words, "--tag", reference, str(context),
        env={"DOCKER_BUILDKIT": "0"}, log=log,
    )  # fmt: skip


def _refuse_hopeless() -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("apt-get", "dpkg"))):
        raise CannotRun(
            f"the image {_ORDINARY}",
            seen="no container registry answers, and only root on Debian can make one instead",
            remedy="`seatrial doctor` says what is in the way of a registry",
        )


def _import_tree(engine: Engine, folder: Path, reference: str) -> None:
    tree = folder / "tree"
    _debootstrap(folder, tree)
    for unread in ("var/cache/apt", "usr/share/doc", "usr/share/locale", "usr/share/man"):
        shutil.rmtree(tree / unread, ignore_errors=True)
    archive = folder / "tree.tar"
    command.run(
        ["tar", "-C", str(tree), "--exclude=./var/lib/apt/lists/*", "-cf", str(archive), "."]
    )
    engine.docker("import", "--change", 'CMD ["/bin/bash"]', str(archive), reference)


def _debootstrap(folder: Path, tree: Path) -> None:
    tool, keyring = folder / "debootstrap", debian.keyring()
    debian.unpacked(debian.fetched(_SUITE, ("debootstrap",), folder / "debs"), tool)
    argv = ["sh", str(tool / "usr/sbin/debootstrap"), "--variant=minbase"]
    argv += ["--force-check-gpg", f"--keyring={keyring}"] if keyring else []
    try:
        command.run(
            [*argv, _SUITE, str(tree), debian.mirror()],
            env={"DEBOOTSTRAP_DIR": str(tool / "usr/share/debootstrap")},
            log=cache() / "logs" / "debootstrap.log",
        )
    finally:
        # A debootstrap that was ended leaves these mounted, and the tree could not be removed.
        for name in ("proc", "sys"):
            if (tree / name).is_mount():
                command.run(["umount", "--lazy", str(tree / name)])


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder below the cache that is gone afterwards, ours or a killed process's."""
    cache().mkdir(parents=True, exist_ok=True)
    for left in cache().glob("scratch-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"scratch-{os.getpid()}-", dir=cache()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
