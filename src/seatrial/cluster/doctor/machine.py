"""What this machine is, read without changing anything: plain facts for the doctor to judge.

May import: the standard library, errors, command, places, cluster.engine and registries.
Source: capabilities(7), inotify(7), proc(5), `go help environment`.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from seatrial import command, places
from seatrial.cluster import engine
from seatrial.cluster.doctor.registries import questions
from seatrial.errors import SeatrialError

PATIENCE = 3.0
"""Seconds that any one question to a tool or a registry may take."""

_PROGRAMS = ("apt-get", "chromium", "docker", "dockerd", "go", "iptables", "kind", "kubectl", "nft")

T = TypeVar("T")


@dataclass(frozen=True)
class Machine:
    """Facts. Sizes in bytes; `programs` by name; versions are "" where there is none.

    `engine` is the user's Docker, `private` the one that we started beside it. `registries` say
    whether images, packages and modules can be had; None where none is set up.
    """

    python: tuple[int, int]
    root: bool
    programs: Mapping[str, str]
    engine: str
    private: str
    go: str
    kernel: str
    kernel_config: str
    kernel_modules: str
    filesystems: str
    mounts: str
    capabilities: int
    inotify_instances: int
    fuse: bool
    memory: int
    cores: int
    free: Mapping[str, int]
    built: bool
    registries: Mapping[str, bool | None]


def look() -> Machine:
    """Read this machine in a few seconds, or in four times PATIENCE when nothing answers."""
    kernel = os.uname().release
    programs = {name: path for name in _PROGRAMS if (path := _program(name))}
    said = together(_versions(programs), 2 * PATIENCE)
    return Machine(
        python=sys.version_info[:2],
        root=os.geteuid() == 0,
        programs=programs,
        engine=said["engine"] or "",
        private=said["private"] or "",
        go=(said["go"] or "").removeprefix("go"),
        kernel=kernel,
        kernel_config=_kernel_config(kernel),
        kernel_modules=_kernel_modules(kernel),
        filesystems=_text(Path("/proc/filesystems")),
        mounts=_text(Path("/proc/mounts")),
        capabilities=int(_field("/proc/self/status", "CapEff") or "0", 16),
        inotify_instances=int(_text(Path("/proc/sys/fs/inotify/max_user_instances")) or "0"),
        fuse=Path("/dev/fuse").exists(),
        memory=int((_field("/proc/meminfo", "MemAvailable") or "0").split()[0]) * 1024,
        cores=len(os.sched_getaffinity(0)),
        free={str(place): _free(place) for place in (places.cache(), places.state())},
        built=any(_built("kubelet")),
        registries=together(questions(programs, PATIENCE), 2 * PATIENCE),
    )


def together(questions: Mapping[str, Callable[[], T]], within: float) -> dict[str, T | None]:
    """Ask everything at once; None is what failed or gave no answer within so many seconds."""
    answers: dict[str, T | None] = dict.fromkeys(questions)

    def ask(name: str) -> None:
        with suppress(SeatrialError, OSError):
            answers[name] = questions[name]()

    # Daemons: one that hangs must not keep the doctor.
    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in questions]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)


def _versions(programs: Mapping[str, str]) -> dict[str, Callable[[], str]]:
    commands = {
        "engine": ("docker", "version", "--format", "{{.Server.Version}}"),
        "go": ("go", "env", "GOVERSION"),
    }
    return {
        **{name: _saying(argv, programs) for name, argv in commands.items()},
        "private": _private_version,
    }


def _private_version() -> str:
    ours = engine.running()
    return ours.version if ours else ""


def _saying(argv: Sequence[str], programs: Mapping[str, str]) -> Callable[[], str]:
    def said() -> str:
        return command.run(argv, limit=PATIENCE).strip() if argv[0] in programs else ""

    return said


def _program(name: str) -> str:
    # System programs may lie outside a user's PATH; those that we built lie in the cache.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    return shutil.which(name, path=path) or next(_built(name), "")


def _built(name: str) -> Iterator[str]:
    return map(str, sorted((places.cache() / "programs").glob(f"*/{name}")))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _field(path: str, name: str) -> str:
    lines = (line.partition(":") for line in _text(Path(path)).splitlines())
    return next((value.strip() for key, _, value in lines if key == name), "")


def _kernel_config(release: str) -> str:
    try:
        return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode(errors="replace")
    except OSError:
        return _text(Path(f"/boot/config-{release}"))


def _kernel_modules(release: str) -> str:
    folder = Path("/lib/modules") / release
    return _text(folder / "modules.dep") + _text(folder / "modules.builtin")


def _free(place: Path) -> int:
    nearest = next(folder for folder in (place, *place.parents) if folder.exists())
    return shutil.disk_usage(nearest).free
