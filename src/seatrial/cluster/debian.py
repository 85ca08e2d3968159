"""Packages of a Debian suite, fetched and unpacked beside the system, never installed.

A private apt configuration is derived from the machine's own sources with the suite's name
swapped, so that no mirror is named by us and apt verifies signatures as the machine does.
May import: model, errors, places, command.
Source: apt.conf(5), sources.list(5).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial import command
from seatrial.errors import CannotRun
from seatrial.places import cache

_SOURCES = Path("/etc/apt")
_OTHERS = re.compile(r"/(debian-security|security)/?$|//security\.")


@dataclass(frozen=True)
class Source:
    """One archive as the machine's own configuration names it."""

    uri: str
    signed_by: str


def sources(folder: Path = _SOURCES) -> tuple[Source, ...]:
    """Read the Debian archives that this machine's apt uses; third parties are left out."""
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    texts = [
        file.read_text()
        for file in files
        if file.suffix in {".list", ".sources"} and file.is_file()
    ]
    found = [source for text in texts for source in _read(text)]
    return tuple(dict.fromkeys(source for source in found if _main_archive(source)))


def _main_archive(source: Source) -> bool:
    return source.uri.rstrip("/").endswith("/debian") and not _OTHERS.search(source.uri)


def _read(text: str) -> Iterator[Source]:
    for line in re.findall(r"(?m)^deb\s+(.+)$", text):
        options = re.match(r"\[(.*?)\]\s*", line)
        signed = re.search(r"signed-by=(\S+)", options[1]) if options else None
        rest = line[options.end() :] if options else line
        yield Source(rest.split()[0], signed[1] if signed else "")
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+):\s*(.+)$", stanza))
        if "deb" in fields.get("Types", "").split():
            for uri in fields.get("URIs", "").split():
                yield Source(uri, fields.get("Signed-By", ""))


def mirror() -> str:
    """Give the first Debian archive of this machine's own configuration.

    Raises CannotRun on a machine that has none.
    """
    found = sources()
    if not found:
        raise CannotRun(
            "a Debian archive in /etc/apt",
            seen="no source there ends in /debian",
            remedy="run on Debian with apt, or start a Docker engine of your own",
        )
    return found[0].uri


def fetched(suite: str, packages: Sequence[str], into: Path) -> list[Path]:
    """Download packages of a suite and give the files; signatures are checked by apt."""
    mirror()
    into.mkdir(parents=True, exist_ok=True)
    options = _configured(suite)
    command.run(["apt-get", "-qq", *options, "update"])
    command.run(["apt-get", "-qq", *options, "download", *packages], cwd=into)
    return sorted(into.glob("*.deb"))


def unpacked(files: Sequence[Path], root: Path) -> None:
    """Unpack package files below `root`; their scripts are not run."""
    root.mkdir(parents=True, exist_ok=True)
    for file in files:
        command.run(["dpkg", "-x", str(file), str(root)])


def _configured(suite: str) -> list[str]:
    base = cache() / "apt" / suite
    shutil.rmtree(base, ignore_errors=True)
    for folder in ("etc", "lists/partial", "archives/partial"):
        (base / folder).mkdir(parents=True)
    stanzas = [_stanza(source, suite) for source in sources()]
    (base / "etc" / "one.sources").write_text("\n".join(stanzas))
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": base / "etc",
        "Dir::State::lists": base / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": base,
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _stanza(source: Source, suite: str) -> str:
    signed = f"Signed-By: {source.signed_by}\n" if source.signed_by else ""
    return f"Types: deb\nURIs: {source.uri}\nSuites: {suite}\nComponents: main\n{signed}"
