"""What we wrote down of each cluster we made, before and while making it.

Nothing is ours that is not written here first. One folder a cluster, readable by its owner only:
record.json, cluster.json (the facts), kubeconfig, kind.yaml, audit.yaml, kind.log, nodes/ (how
each node's container and kubelet were set up, to make a lost one again), and of a shape whose
nodes share a directory mounts/ and storage.yaml.
May import: errors, places, timing, cluster.ground.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from seatrial.cluster.ground import Cluster, KindNode
from seatrial.errors import CannotRun
from seatrial.model import Json
from seatrial.places import state
from seatrial.progress import Progress

CREATING, READY, REMOVING = "creating", "ready", "removing"


@dataclass(frozen=True)
class Made:
    """One node as it was made: the container's id, its address on the engine's network."""

    name: str
    role: str
    container: str
    address: str = ""


@dataclass(frozen=True)
class Record:
    """What a cluster was asked to be and how far it came.

    `image` is a tag that no other cluster's nodes carry: a container made from it is ours.
    `private` says whether the engine is the one we started, `engine` is its own id.
    Times are ISO 8601, UTC.
    """

    name: str
    shape: str
    timing: str
    provider: str
    state: str
    created: str
    kubernetes: str = ""
    context: str = ""
    kubeconfig: str = ""
    image: str = ""
    private: bool = False
    engine: str = ""
    nodes: tuple[Made, ...] = ()


def home() -> Path:
    """Folder that holds the clusters' folders."""
    return state() / "clusters"


def folder(name: str) -> Path:
    """Folder of one cluster."""
    return home() / name


def names() -> list[str]:
    """Names of all clusters on record."""
    return sorted(path.parent.name for path in home().glob("*/record.json"))


def load(name: str) -> Record | None:
    """Read a cluster's record; None when there is none. Raises CannotRun when unreadable."""
    path = folder(name) / "record.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise CannotRun(
            f"a record of cluster {name} that can be read",
            seen=f"{path}: {error}",
            remedy=f"if `docker ps -a` shows no node of it that you need: rm -r {path.parent}",
        ) from None


def save(record: Record) -> Record:
    """Write a record so that it is there in full, or not at all, whatever happens."""
    write(folder(record.name) / "record.json", msgspec.json.encode(record))
    return record


def forget(name: str) -> None:
    """Remove a cluster's folder, the record last of all."""
    for path in [p for p in folder(name).glob("*") if p.name != "record.json"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(folder(name), ignore_errors=True)


def facts(name: str) -> Mapping[str, Json]:
    """Read cluster.json; empty when it was never written."""
    path = folder(name) / "cluster.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save_facts(name: str, found: Mapping[str, Json]) -> None:
    """Write cluster.json."""
    write(folder(name) / "cluster.json", json.dumps(found, indent=2).encode() + b"\n")


def write(path: Path, content: bytes) -> None:
    """Replace a file at once, on disk before this returns; only its owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def cluster(record: Record) -> Cluster:
    """Give the Cluster that a record describes."""
    return Cluster(
        name=record.name,
        shape=record.shape,
        timing=record.timing,
        provider=record.provider,
        kubeconfig=Path(record.kubeconfig),
        context=record.context,
        kubernetes=record.kubernetes,
        nodes=tuple(KindNode(made.name, made.role, made.container) for made in record.nodes),
        facts=facts(record.name),
    )


@contextmanager
def held(name: str, progress: Progress) -> Iterator[None]:
    """Hold a cluster's name: whoever else wants to make or remove it waits until we are done."""
    lock = _lock(name)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        progress.note(f"another seatrial is at work on cluster {name}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def busy(name: str) -> bool:
    """Whether another process holds the name now."""
    lock = _lock(name)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _lock(name: str) -> FileLock:
    path = home() / f".{name}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileLock(path)
