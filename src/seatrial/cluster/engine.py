"""The container engine: the user's own Docker, or a private one beside the system.

The private one is Debian's Docker, unpacked and never installed, with its own data, socket and
pid file; it is stopped by its own process only.
May import: model, errors, places, progress, command, timing, cluster.debian.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from seatrial import command
from seatrial.cluster import debian
from seatrial.errors import CannotRun, ToolFailed
from seatrial.places import cache, state
from seatrial.progress import Progress
from seatrial.timing import limit, poll

_OLDEST = (20, 10)
_SUITE, _PACKAGES = "trixie", ("docker.io", "docker-cli", "containerd")
_OLDER = "bookworm"
"""trixie's runc wants a newer C library than bookworm has; bookworm's runs on both."""
_OLDER_PACKAGES = (
    "runc", "iptables", "libip4tc2", "libip6tc2", "libxtables12", "libnftnl11", "libmnl0",
    "libnfnetlink0", "libnetfilter-conntrack3",
)  # fmt: skip
_INOTIFY = {"max_user_instances": 1024, "max_user_watches": 524288}
"""A kind node needs about 30 instances; 128, the kernel's default, is two clusters."""


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers; `host` is "" for the user's own default."""

    host: str
    private: bool
    version: str
    path: str = ""

    @property
    def env(self) -> Mapping[str, str]:
        """What a child process needs to reach it."""
        search = f"{self.path}:{os.environ.get('PATH', '')}" if self.path else ""
        pairs = {"DOCKER_HOST": self.host, "PATH": search}
        return {name: value for name, value in pairs.items() if value}

    def docker(self, *words: str, **options: Any) -> str:
        """Run the docker client; see command.run for the options."""
        env = {**self.env, **options.pop("env", {})}
        return command.run(["docker", *words], env=env, **options)

    def has(self, reference: str) -> bool:
        """Whether it holds an image of that name."""
        return bool(self.docker("image", "ls", "--quiet", reference).strip())


def find(progress: Progress) -> Engine:
    """Give the user's engine, else ours, started when it does not run.

    Raises CannotRun when there is none and none can be started here.
    """
    found = _users() or running()
    if found:
        return found
    _refuse_hopeless()
    with FileLock(_home() / "lock"):
        return running() or _started(progress)


def running() -> Engine | None:
    """Give our own engine if it runs now; changes nothing."""
    if not _alive(_pid_file()):
        return None
    candidate = _private("")
    version = _server_version(candidate)
    return (
        Engine(candidate.host, private=True, version=version, path=candidate.path)
        if version
        else None
    )


def stop(progress: Progress) -> bool:
    """Stop the engine that we started, and nothing else; False when it does not run."""
    if not (pid := _alive(_pid_file())):
        return False
    with progress.step("stopping our container engine", 3):
        os.kill(pid, signal.SIGTERM)
        poll(
            lambda: f"dockerd {pid} is still there" if _alive(_pid_file()) else None,
            limit("engine stops"),
        )
    return True


def _users() -> Engine | None:
    if shutil.which("docker") is None:
        return None
    host = os.environ.get("DOCKER_HOST", "")
    version = _server_version(Engine("", private=False, version=""))
    if not version or host == _private("").host:
        return None
    if _numbers(version) < _OLDEST:
        raise CannotRun(
            "a Docker engine of version 20.10 or newer",
            seen=f"version {version}" + (f" at {host}" if host else ""),
            remedy="upgrade it, or stop it: as root on Debian a private engine is then made",
        )
    return Engine("", private=False, version=version)


def _server_version(engine: Engine) -> str:
    try:
        said = engine.docker("version", "--format", "{{json .Server}}", limit=10)
        return str((json.loads(said) or {}).get("Version", ""))
    except (ToolFailed, ValueError):
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _home() -> Path:
    home = state() / "engine"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _pid_file() -> Path:
    return state() / "engine" / "docker.pid"


def _private(version: str) -> Engine:
    path = f"{_unpacked()}/usr/bin:{_unpacked()}/usr/sbin"
    return Engine(f"unix://{state() / 'engine' / 'docker.sock'}", True, version, path)  # noqa: FBT003


def _unpacked() -> Path:
    return cache() / "engine" / f"{_SUITE}-{_OLDER}"


def _alive(pid_file: Path) -> int:
    """Give the pid of our dockerd: its command line must name our own pid file."""
    try:
        pid = int(pid_file.read_text())
        words = _words(Path(f"/proc/{pid}"))
        ended = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (OSError, ValueError, IndexError):
        return 0
    return pid if str(pid_file).encode() in words and not ended else 0


def _refuse_hopeless() -> None:
    wanted = "a Docker engine, to run the cluster's nodes in"
    if os.geteuid() != 0:
        raise CannotRun(
            wanted,
            seen="none answers, and only root can start a private one",
            remedy="start Docker, or set DOCKER_HOST; `seatrial doctor` says what else is missing",
        )
    if not all(map(shutil.which, ("apt-get", "dpkg"))):
        raise CannotRun(
            wanted,
            seen="none answers, and a private one can be made on Debian only",
            remedy="start Docker, or set DOCKER_HOST",
        )


def _started(progress: Progress) -> Engine:
    if not (_unpacked() / "done").exists():
        with progress.step("unpacking a private container engine", 12):
            _unpack()
    _raise_inotify(progress)
    with progress.step("starting our container engine", 3):
        dockerd = _launched()
        poll(lambda: _unanswering(dockerd), limit("engine answers"))
    found = running()
    if found is None:
        raise CannotRun("our container engine to answer", seen=_log_end())
    return found


def _unpack() -> None:
    part = _unpacked().with_name(f"{_unpacked().name}.part")
    shutil.rmtree(part, ignore_errors=True)
    packages = debian.fetched(_SUITE, _PACKAGES, part / "debs")
    packages += debian.fetched(_OLDER, _OLDER_PACKAGES, part / "older")
    debian.unpacked(packages, part)
    for name in ("iptables", "ip6tables"):
        (part / "usr/sbin" / name).symlink_to("xtables-nft-multi")
    (part / "done").touch()
    shutil.rmtree(_unpacked(), ignore_errors=True)
    part.rename(_unpacked())


def _launched() -> int:
    """Start dockerd in a session of its own, so that it outlives us; give its pid."""
    home, engine = _home(), _private("")
    _pid_file().unlink(missing_ok=True)
    log = home / "dockerd.log"
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    dockerd = [
        str(_unpacked() / "usr/sbin/dockerd"), "--host", engine.host,
        "--pidfile", str(_pid_file()), "--data-root", str(home / "data"),
        "--exec-root", str(home / "run"), "--log-level", "warn", "--storage-driver", "overlay2",
    ]  # fmt: skip
    return command.detached(dockerd, env={**engine.env, **_libraries()}, log=log)


def _libraries() -> Mapping[str, str]:
    """Say where the unpacked iptables finds its own libraries."""
    folder = _unpacked() / "usr/lib/x86_64-linux-gnu"
    return {"LD_LIBRARY_PATH": str(folder), "XTABLES_LIBDIR": str(folder / "xtables")}


def _unanswering(dockerd: int) -> str | None:
    if running():
        return None
    if command.ended(dockerd):
        raise CannotRun("dockerd to start", seen=_log_end(), remedy="`seatrial doctor`")
    return "no answer from dockerd yet"


def _words(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _log_end() -> str:
    log = _home() / "dockerd.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([*lines[-6:], f"(all of it: {log})"])


def _raise_inotify(progress: Progress) -> None:
    for name, wanted in _INOTIFY.items():
        knob = Path("/proc/sys/fs/inotify") / name
        if int(knob.read_text()) < wanted:
            knob.write_text(str(wanted))
            progress.note(f"raised fs.inotify.{name} to {wanted}: several nodes need it")
