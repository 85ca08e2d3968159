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

_APT = Path("/etc/apt")
_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True)
class Source:
    """One archive as the machine's own configuration names it; `signed_by` as it stands there."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def sources(apt: Path = _APT, release: Path = _RELEASE) -> tuple[Source, ...]:
    """Read the archives that this machine's apt takes its own release from.

    Third parties use the release's name too, but not its component `main`; archives of security
    fixes alone hold no whole release.
    """
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    found = [source for file in files for source in _read(file)]
    own = _codename(release)
    return tuple(s for s in dict.fromkeys(found) if own in s.suites and "main" in s.components)


def _codename(release: Path) -> str:
    found = re.search(r"(?m)^VERSION_CODENAME=\"?(\w+)", release.read_text())
    return found[1] if found else ""


def _read(file: Path) -> Iterator[Source]:
    if file.is_file() and file.suffix == ".list":
        yield from map(_one_line, re.findall(r"(?m)^\s*deb\s+([^#\n]+)", file.read_text()))
    elif file.is_file() and file.suffix == ".sources":
        text = re.sub(r"(?m)^#.*\n", "", file.read_text())
        stanzas = map(_fields, re.split(r"\n\s*\n", text))
        yield from (source for fields in stanzas for source in _deb822(fields))


def _one_line(line: str) -> Source:
    options, rest = re.match(r"(?:\[(.*?)\])?\s*(.*)", line).groups()  # type: ignore[union-attr]
    signed = re.search(r"signed-by=(\S+)", options or "", re.IGNORECASE)
    uri, suite, *components = rest.split()
    return Source(uri, (suite,), tuple(components), signed[1] if signed else "")


def _fields(stanza: str) -> dict[str, str]:
    """Read one stanza; a line that begins with a space goes on with the field before it."""
    pairs = re.findall(r"(?m)^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza)
    return {name.lower(): value for name, value in pairs}


def _deb822(fields: dict[str, str]) -> Iterator[Source]:
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "").strip() == "no":
        return
    suites, components = (tuple(fields.get(k, "").split()) for k in ("suites", "components"))
    for uri in fields.get("uris", "").split():
        yield Source(uri, suites, components, fields.get("signed-by", ""))


def mirror() -> str:
    """Give the first Debian archive of this machine's own configuration.

    Raises CannotRun on a machine that has none.
    """
    return _first().uri


def keyring() -> str:
    """Give the file of keys that the archive is signed with; empty when apt's own are meant."""
    named = _first().signed_by.strip()
    return named if named.startswith("/") and "\n" not in named else ""


def _first() -> Source:
    found = sources()
    if not found:
        raise CannotRun(
            "an archive of this Debian in /etc/apt",
            seen="no source there has this release and the component main",
            remedy="run on Debian with apt, or start a Docker engine of your own",
        )
    return found[0]


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
