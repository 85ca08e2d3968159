"""Runs in a pod that mounts a restored copy: tells what is in it, and looks into a repository.

    read FOLDER          {names (at its top), files, bytes, digest, records: [[writer, seq, crc,
                         previous]…], corrupt, marker}: `marker` is a record as it stands in its
                         file, empty for none
    plant FOLDER         makes files of each sort in a folder of ours there; as `manifest`
    poison FOLDER        changes one of them and adds another; as `manifest`
    manifest FOLDER      {path: [mode, uid, gid, content's SHA-256 or link's target, attributes]}
                         of all in that folder of ours; nothing when there is none
    remove FOLDER        removes that folder of ours; whether it was there
    search URL MARKER    {blobs, bytes, found, why}: whatever a REST repository gives without a
                         key, searched for the marker

May import: the standard library. It is shipped as text.
Source: restic.readthedocs.io, "REST backend" (the routes, and the list in version 2).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

KINDS = ("config", "keys", "snapshots", "index", "data")
LIST = "application/vnd.x.restic.rest.v2"
MOST = 256 << 20
OURS = ".seatrial-copy"
ATTRIBUTE = "user.seatrial"
PATIENCE = 10


def read(folder: str) -> dict[str, Any]:
    """Tell what is in a folder."""
    digest, told = hashlib.sha256(), {"files": 0, "bytes": 0}
    records: list[list[Any]] = []
    corrupt: list[str] = []
    marker = ""
    for path in sorted(Path(folder).rglob("*")):
        about = path.lstat()
        named = [str(path.relative_to(folder)), stat.filemode(about.st_mode), about.st_uid]
        digest.update(json.dumps([*named, _attributes(path)]).encode())
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            digest.update(hashlib.sha256(content).digest())
            told["files"] += 1
            told["bytes"] += len(content)
            marker = _taken(content, records, corrupt) or marker
    return {
        **told,
        "names": sorted(path.name for path in Path(folder).iterdir()),
        "digest": digest.hexdigest(),
        "records": records,
        "corrupt": corrupt,
        "marker": marker,
    }


def plant(folder: str) -> dict[str, Any]:
    """Make files of each sort: modes, a link, an empty one, an attribute, more than a block."""
    own = Path(folder) / OURS
    shutil.rmtree(own, ignore_errors=True)
    (own / "below").mkdir(parents=True)
    contents = {"plain": b"planted", "empty": b"", "below/large": os.urandom(1 << 16)}
    for mode, (name, content) in zip((0o640, 0o400, 0o751), contents.items(), strict=True):
        (own / name).write_bytes(content)
        (own / name).chmod(mode)
    (own / "link").symlink_to("below/large")
    # A file system may have none: then the copy need not have it either.
    with contextlib.suppress(OSError):
        os.setxattr(own / "plain", ATTRIBUTE, b"kept")
    (own / "below").chmod(0o711)
    return manifest(folder)


def poison(folder: str) -> dict[str, Any]:
    """Change what was planted: none of it may be in a copy that was backed up before."""
    own = Path(folder) / OURS
    (own / "plain").write_bytes(b"poison!")
    (own / "poison").write_bytes(b"poison!")
    return manifest(folder)


def manifest(folder: str) -> dict[str, Any]:
    """Tell all that makes up what was planted, path by path."""
    own = Path(folder) / OURS
    return {str(path.relative_to(own)): _entry(path) for path in sorted(own.rglob("*"))}


def remove(folder: str) -> bool:
    """Remove what was planted; whether it was there."""
    own = Path(folder) / OURS
    there = own.exists()
    if there:
        shutil.rmtree(own)
    return there


def _entry(path: Path) -> list[Any]:
    about = path.lstat()
    content = ""
    if path.is_symlink():
        content = str(path.readlink())
    elif path.is_file():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    whose = [stat.filemode(about.st_mode), about.st_uid, about.st_gid]
    return [*whose, content, _attributes(path)]


def search(url: str, marker: str) -> dict[str, Any]:
    """Search all that a repository gives for a marker."""
    found, blobs, size = [], 0, 0
    for name in _names(url):
        content = _got(f"{url}{name}")
        blobs, size = blobs + 1, size + len(content)
        if marker.encode() in content:
            found.append(name)
        if size > MOST:
            break
    return {"blobs": blobs, "bytes": size, "found": found, "why": ""}


def _attributes(path: Path) -> list[list[str]]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return []
    return [[name, os.getxattr(path, name, follow_symlinks=False).hex()] for name in sorted(names)]


def _taken(content: bytes, records: list[list[Any]], corrupt: list[str]) -> str:
    """Take up the records of a ledger's file; gives its first line, nothing for another file."""
    lines = content.splitlines(keepends=True)
    if not lines or _record(lines[0]) is None:
        return ""
    for number, line in enumerate(lines, 1):
        # A torn tail is of a record that was not acknowledged.
        if not line.endswith(b"\n") or b"\0" in line:
            break
        record = _record(line)
        if record is None:
            corrupt.append(f"line {number}: {line[:80]!r}")
        else:
            records.append(record)
    return lines[0].decode().rstrip("\n")


def _record(line: bytes) -> list[Any] | None:
    try:
        fields = json.loads(line)
        told = [fields[name] for name in ("writer", "seq", "value", "previous")]
        crc = zlib.crc32(json.dumps(told, separators=(",", ":")).encode())
        same = crc == fields["crc"]
    except (ValueError, KeyError, TypeError):
        return None
    return [told[0], told[1], crc, told[3]] if same else None


def _names(url: str) -> Iterator[str]:
    for kind in KINDS:
        if kind == "config":
            yield kind
            continue
        for one in json.loads(_got(f"{url}{kind}/", LIST) or b"[]"):
            yield f"{kind}/{one['name'] if isinstance(one, dict) else one}"


def _got(url: str, accept: str = "") -> bytes:
    asked = urllib.request.Request(url, headers={"Accept": accept} if accept else {})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310 - a store's URL
        content: bytes = answer.read()
    return content


def main(words: list[str]) -> Any:
    """Do what is asked; what went wrong with a repository is in `why`."""
    if words[0] in INSIDE:
        return INSIDE[words[0]](words[1])
    try:
        return search(words[1], words[2])
    except (urllib.error.URLError, OSError, ValueError) as error:
        return {"blobs": 0, "bytes": 0, "found": [], "why": str(error)}


INSIDE: dict[str, Callable[[str], Any]] = {
    "read": read,
    "plant": plant,
    "poison": poison,
    "manifest": manifest,
    "remove": remove,
}

if __name__ == "__main__":
    json.dump(main(sys.argv[1:]), sys.stdout)
