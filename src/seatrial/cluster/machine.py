"""What this machine is, read without changing anything: plain facts for the doctor to judge.

Registry hosts are the machine's own: they come from its Go, apt and engine configuration.
May import: the standard library, errors, command and places.
Source: capabilities(7), inotify(7), apt-get(8) indextargets, `go help environment`.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from seatrial import command, places
from seatrial.errors import SeatrialError

PATIENCE = 3.0
"""Seconds that any one question to a tool or a registry may take."""

_PROGRAMS = ("apt-get", "chromium", "docker", "dockerd", "go", "iptables", "kind", "kubectl", "nft")
_KIND_VERSIONS = "sigs.k8s.io/kind/@v/list"
_REGISTRY_ASKS_WHO = 401


@dataclass(frozen=True)
class Registry:
    """Where packages or images come from; `answers` is None where no configuration names one."""

    url: str
    answers: bool | None


@dataclass(frozen=True)
class Machine:
    """Facts. Sizes in bytes; `programs` and `registries` by name; `engine` is a version or ""."""

    python: tuple[int, int]
    root: bool
    programs: Mapping[str, str]
    engine: str
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
    registries: Mapping[str, Registry]


def look() -> Machine:
    """Read this machine; takes at most about twice PATIENCE."""
    kernel = os.uname().release
    programs = {name: path for name in _PROGRAMS if (path := _program(name))}
    asked = together(_questions(programs), PATIENCE + 0.5)
    return Machine(
        python=sys.version_info[:2],
        root=os.geteuid() == 0,
        programs=programs,
        engine=asked["engine"] or "",
        go=(asked["go"] or "").removeprefix("go"),
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
        built=places.cache().is_dir() and any(places.cache().iterdir()),
        registries=_registries(asked),
    )


def together(questions: Mapping[str, Callable[[], str]], within: float) -> dict[str, str | None]:
    """Ask everything at once; None is what gave no answer in time (or failed)."""
    answers: dict[str, str | None] = dict.fromkeys(questions)

    def ask(name: str) -> None:
        answers[name] = questions[name]()

    # Daemons: one that hangs in name resolution must not keep the doctor.
    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within)
    return dict(answers)


def answering(url: str) -> bool:
    """Say whether `url` is served; a registry that first asks who we are counts."""
    if not url.startswith(("http://", "https://")):
        return False
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - the scheme is checked
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310 - as above
            return True
    except urllib.error.HTTPError as error:
        return error.code == _REGISTRY_ASKS_WHO
    except OSError:
        return False


def first_proxy(setting: str) -> str:
    """Give the first address in a GOPROXY setting, "" when it names none."""
    parts = setting.replace("|", ",").split(",")
    return next((part.strip() for part in parts if "://" in part), "")


def _questions(programs: Mapping[str, str]) -> dict[str, Callable[[], str]]:
    images = "{{range .RegistryConfig.Mirrors}}{{println .}}{{end}}{{.IndexServerAddress}}"
    commands = {
        "engine": ("docker", "version", "--format", "{{.Server.Version}}"),
        "images": ("docker", "info", "--format", images),
        "go": ("go", "env", "GOVERSION"),
        "modules": ("go", "env", "GOPROXY"),
        "packages": ("apt-get", "indextargets", "--format", "$(BASE_URI)"),
    }
    return {name: _saying(argv, programs) for name, argv in commands.items()}


def _saying(argv: Sequence[str], programs: Mapping[str, str]) -> Callable[[], str]:
    def said() -> str:
        if argv[0] not in programs:
            return ""
        try:
            return command.run(argv, limit=PATIENCE).strip()
        except SeatrialError:
            return ""

    return said


def _registries(asked: Mapping[str, str | None]) -> dict[str, Registry]:
    images, packages, modules = (
        (asked[name] or "").partition("\n")[0] for name in ("images", "packages", "modules")
    )
    modules = first_proxy(modules)
    urls = {
        "images": urljoin(images, "/v2/") if images else "",
        "packages": packages and f"{packages}InRelease",
        "modules": modules and f"{modules.rstrip('/')}/{_KIND_VERSIONS}",
    }
    answers = together(
        {name: lambda url=url: "yes" if answering(url) else "" for name, url in urls.items()},
        PATIENCE + 0.5,
    )
    return {
        name: Registry(url, bool(answers[name]) if url else None) for name, url in urls.items()
    }


def _program(name: str) -> str:
    # Built ones lie in the cache; system ones may be outside a user's PATH.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", str(places.cache() / "bin")])
    return shutil.which(name, path=path) or ""


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
