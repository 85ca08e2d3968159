"""Images of subjects and of the ground they stand on: built without a registry, loaded into nodes.

A subject's Dockerfile is an ordinary one that begins `ARG GROUND` / `FROM ${GROUND}`.
May import: errors, places, progress, command, cluster.{engine,debian}, nodeimage.inputs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial import command
from seatrial.cluster import debian
from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage.inputs import content_key, ground_folder
from seatrial.places import cache
from seatrial.progress import Progress

_SUITE = "bookworm"
_NAMESPACE = "seatrial"
_ORDINARY = "debian:bookworm-slim"


def ground(engine: Engine, progress: Progress) -> str:
    """Give the image of Debian with Python that subjects, drivers and proofs run on."""
    reference = ground_reference()
    if not engine.has(reference):
        base = _base(engine, progress)
        with progress.step("building the ground image", 15):
            docker_build(engine, ground_folder(), reference, BASE=base)
    return reference


def ground_reference() -> str:
    """Name the ground image."""
    return f"{_NAMESPACE}/ground:{content_key([ground_folder()])}"


def build(engine: Engine, name: str, folder: Path, progress: Progress) -> str:
    """Build a subject's image from its folder unless the engine has it, and give its reference."""
    base = ground(engine, progress)
    reference = f"{_NAMESPACE}/{name}:{content_key([folder], base)}"
    if not engine.has(reference):
        with progress.step(f"building the image {name}", 5):
            docker_build(engine, folder, reference, GROUND=base)
    return reference


def docker_build(engine: Engine, context: Path, reference: str, **arguments: str) -> None:
    """Build a Dockerfile with the engine's own builder; the log is kept in the cache."""
    words = [w for k, v in arguments.items() for w in ("--build-arg", f"{k}={v}")]
    log = cache() / "logs" / f"{reference.replace('/', '_').replace(':', '_')}.log"
    engine.docker(
        "build", "--network", "bridge", *words, "--tag", reference, str(context),
        env={"DOCKER_BUILDKIT": "0"}, log=log,
    )  # fmt: skip


def docker_tag(engine: Engine, reference: str, name: str) -> None:
    """Give an image a second name."""
    engine.docker("tag", reference, name)


def base_reference() -> str:
    """Name the image of the bare Debian tree that everything here stands on."""
    return f"{_NAMESPACE}/base:{_SUITE}"


def _base(engine: Engine, progress: Progress) -> str:
    if engine.has(_ORDINARY):
        return _ORDINARY
    if not engine.has(base_reference()):
        with progress.step("making a Debian base tree", 60), scratch() as folder:
            _import_tree(engine, folder)
    return base_reference()


def _import_tree(engine: Engine, folder: Path) -> None:
    tool, tree = folder / "debootstrap", folder / "tree"
    debian.unpacked(debian.fetched(_SUITE, ("debootstrap",), folder / "debs"), tool)
    argv = ["sh", str(tool / "usr/sbin/debootstrap"), "--variant=minbase", _SUITE, str(tree)]
    command.run(
        [*argv, debian.mirror()],
        env={"DEBOOTSTRAP_DIR": str(tool / "usr/share/debootstrap")},
        log=cache() / "logs" / "debootstrap.log",
    )
    for unread in (
        "var/cache/apt",
        "var/lib/apt/lists",
        "usr/share/doc",
        "usr/share/locale",
        "usr/share/man",
    ):
        shutil.rmtree(tree / unread, ignore_errors=True)
    (tree / "var/lib/apt/lists/partial").mkdir(parents=True)
    archive = folder / "tree.tar"
    command.run(["tar", "-C", str(tree), "-cf", str(archive), "."])
    engine.docker("import", "--change", 'CMD ["/bin/bash"]', str(archive), base_reference())


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder below the cache that is gone afterwards."""
    cache().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=cache()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
