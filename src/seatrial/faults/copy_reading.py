"""Runs in a pod that mounts a restored copy: tells what is in it, and looks into a repository.

    read FOLDER          {names (at its top), files, bytes, digest, records: [[writer, seq, crc,
                         previous]…], corrupt, marker}: `marker` is a record as it stands in its
                         file, empty for none
    search URL MARKER    {blobs, bytes, found, why}: whatever a REST repository gives without a
                         key, searched for the marker

May import: the standard library. It is shipped as text.
Source: restic.readthedocs.io, "REST backend" (the routes, and the list in version 2).
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KINDS = ("config", "keys", "snapshots", "index", "data")
LIST = "application/vnd.x.restic.rest.v2"
MOST = 256 << 20
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


def main(words: list[str]) -> dict[str, Any]:
    """Do what is asked; what went wrong with a repository is in `why`."""
    if words[0] == "read":
        return read(words[1])
    try:
        return search(words[1], words[2])
    except (urllib.error.URLError, OSError, ValueError) as error:
        return {"blobs": 0, "bytes": 0, "found": [], "why": str(error)}


if __name__ == "__main__":
    json.dump(main(sys.argv[1:]), sys.stdout)
