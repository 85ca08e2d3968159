"""Loads an image into nodes, and only what of it they lack.

Subjects stand on the ground image, which a node may have already: what all of the nodes have is
left out of the archive. An archive of the older layout (before Docker 25) is sent whole.
May import: places, progress, cluster.{engine,images,insides}.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from seatrial.cluster.engine import Engine
from seatrial.cluster.images import scratch
from seatrial.cluster.insides import CTR
from seatrial.progress import Progress

_LAYOUT = "oci-layout"
_BLOBS = "blobs/sha256/"

T = TypeVar("T")


def load(engine: Engine, nodes: Sequence[str], reference: str, progress: Progress) -> None:
    """Load an image into those of the node containers that lack it, side by side."""

    def on(node: str, *words: str) -> list[str]:
        return engine.docker("exec", node, *CTR.split(), *words, "list", "-q").split()

    names = _each(nodes, lambda node: on(node, "images"))
    lacking = [
        node
        for node, known in zip(nodes, names, strict=True)
        if not any(name.endswith(f"/{reference}") for name in known)
    ]
    if not lacking:
        return
    with progress.step(f"loading {reference} into {len(lacking)} nodes", 3), scratch() as folder:
        whole, archive = folder / "whole.tar", folder / "image.tar"
        engine.docker("save", "--output", str(whole), reference)
        held = _each(lacking, lambda node: {*on(node, "content")})
        slim(whole, archive, set.intersection(*held))
        _each(lacking, lambda node: _import(engine, node, archive))


def slim(whole: Path, archive: Path, held: Collection[str]) -> None:
    """Copy an image archive without the blobs in `held` (sha256:… digests)."""
    with tarfile.open(whole) as source, tarfile.open(archive, "w") as target:
        names = source.getnames()
        for entry in source:
            digest = f"sha256:{entry.name.removeprefix(_BLOBS)}"
            if not (_LAYOUT in names and entry.name.startswith(_BLOBS) and digest in held):
                target.addfile(entry, source.extractfile(entry) if entry.isfile() else None)


def _import(engine: Engine, node: str, archive: Path) -> None:
    engine.docker(
        "exec", "--interactive", node, *CTR.split(), "images", "import", "-", stdin=archive
    )


def _each(nodes: Sequence[str], ask: Callable[[str], T]) -> list[T]:
    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(ask, nodes))
