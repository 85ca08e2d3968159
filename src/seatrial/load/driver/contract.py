"""What the driver is told to do (job.json), and what it asks of a profile's client files.

May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

_RESOLV = Path("/etc/resolv.conf")
CALLS = ("record", "write", "read")
_CONNECTS = ("connect", "call", "counts")
OF_MODELS = {
    "register": ("get", "put"),
    "bank": ("open_bank", "transfer", "balances"),
    "session": ("get", "put"),
}
"""By model: what a client must define besides, for its operations to be tried."""


class Client(Protocol):
    """A profile's client file; docs/add-a-profile.md, "A client", says what each must do."""

    def record(self, writer: str, seq: int, value: str, previous: int) -> dict[str, Any]:
        """Give the record with its crc."""

    def write(self, host: str, record: dict[str, Any], timeout: float) -> Any:
        """Send one record; give outcome, answer code, note and, perhaps, what is due."""

    def read(self, host: str, timeout: float) -> Iterable[dict[str, Any]]:
        """Give all that a member holds."""

    # Of these only what the models in the job need; each gives outcome, answer code and note.

    def get(self, host: str, key: str, timeout: float) -> Any:
        """Read a key; give its value as a fourth, None for a key that has none."""

    def put(self, host: str, key: str, value: str, timeout: float) -> Any:
        """Write a key."""

    def cas(self, host: str, key: str, old: str, new: str, timeout: float) -> Any:
        """Write a key if its value is `old`; fail when it is another."""

    def open_bank(self, host: str, balances: dict[str, int], timeout: float) -> Any:
        """Make these accounts, all at once, unless they are there."""

    def transfer(self, host: str, change: dict[str, Any], timeout: float) -> Any:
        """Move `amount` between the accounts `source` and `target`, if the first has as much."""

    def balances(self, host: str, accounts: list[str], timeout: float) -> Any:
        """Read all these accounts at one moment; give their balances as a fourth."""


class Calling(Protocol):
    """A profile's file of calls; docs/add-a-profile.md, "Ways of connecting"."""

    def connect(self, way: dict[str, Any]) -> Any:
        """Open the one channel of a way: {name, to, policy, resolve}."""

    def call(self, channel: Any, kind: str, way: str, seconds: float) -> Any:
        """Make one call (unary or stream); give code, answer {pod, uid, boot, peer}, note."""

    def counts(self, host: str) -> Any:
        """Ask one member: {pod, uid, boot, asked: {way: n}, again: {way: n}, sockets: n}."""


@dataclass(frozen=True)
class Way:
    """One way of connecting: `to` is host:port, whole in DNS."""

    name: str
    to: str
    policy: str
    resolve: float = 0.0


@dataclass(frozen=True)
class Calls:
    """What callers do: calls a second and way, seconds each may take, how often a stream.

    `members` are names, each host or host:port, whose addresses are the members'.
    """

    ways: tuple[Way, ...]
    rate: float
    deadline: float
    stream_every: int
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """One member: `host` is where clients reach it, `asked` its whole name in DNS."""

    ordinal: int
    name: str
    host: str
    asked: str


@dataclass(frozen=True)
class Job:
    """All that is to be done; seconds, writes a second, and DNS servers as address or address:port.

    `run` ends the names of the writers, so that no other run has written under them. `models` are
    names of OF_MODELS, `model_rate` operations a second by each of their clients. `visits` is what
    a Locust file is told: {ways: {name: host:port}, rate, deadline, pauses, browsers, ...}.
    """

    run: str
    seed: int
    members: tuple[Member, ...]
    servers: tuple[str, ...]
    writers: int
    rate: float
    timeout: float
    read_timeout: float
    dns_every: float
    dns_timeout: float
    calls: Calls | None = field(default=None, kw_only=True)
    models: tuple[str, ...] = ()
    model_rate: float = 5.0
    visits: Mapping[str, Any] | None = field(default=None, kw_only=True)


def job(path: Path) -> Job:
    """Read the job; raises ValueError with what is wrong with it, OSError when it is not there."""
    try:
        said = json.loads(path.read_bytes())
        domain = _domain(_RESOLV)
        members = tuple(_member(each, domain) for each in said["members"])
        rate, timeout, read_timeout, dns_every, dns_timeout = (
            _positive(said, key) for key in _SECONDS
        )
        found = Job(
            str(said["run"]),
            int(said["seed"]),
            members,
            tuple(str(server) for server in said["servers"]),
            int(said["writers_per_member"]),
            rate,
            timeout,
            read_timeout,
            dns_every,
            dns_timeout,
            tuple(str(model) for model in said.get("models", ())),
            _positive({"model_rate": 5.0, **said}, "model_rate"),
            visits=_visits(said["visits"], domain) if said.get("visits") else None,
        )
        found = replace(found, calls=_calls(said["calls"], domain)) if "calls" in said else found
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no job in {path}: {type(error).__name__}: {error}") from None
    if len({member.ordinal for member in members}) < len(members):
        raise ValueError(f"no job in {path}: an ordinal stands twice")
    if unknown := [model for model in found.models if model not in OF_MODELS]:
        raise ValueError(f"no job in {path}: there is no model {unknown[0]}")
    return found


_SECONDS = ("rate", "timeout", "read_timeout", "dns_every", "dns_timeout")


def _calls(said: Any, domain: str) -> Calls:
    ways = tuple(
        Way(
            str(one["name"]),
            _whole(str(one["to"]), domain),
            str(one["policy"]),
            float(one.get("resolve", 0)),
        )
        for one in said["ways"]
    )
    members = tuple(_whole(str(name), domain) for name in said.get("members", ()))
    rate, deadline = _positive(said, "rate"), _positive(said, "deadline")
    return Calls(ways, rate, deadline, int(said["stream_every"]), members)


def calling(path: Path) -> Calling:
    """Load a file of calls; raises ValueError when it is none."""
    return cast("Calling", _loaded(path, _CONNECTS))


def client(path: Path, models: Iterable[str] = ()) -> Client:
    """Load a client file and try its `record`; raises ValueError when it cannot do its part."""
    wanted = dict.fromkeys([*CALLS, *(call for model in models for call in OF_MODELS[model])])
    found = cast("Client", _loaded(path, wanted))
    try:
        checked(found.record("probe", 1, "x", 0))
    except Exception as error:
        raise ValueError(f"{path.name}: record(): {error!r}") from error
    return found


def _loaded(path: Path, names: Iterable[str]) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"no Python file at {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path.name} cannot be loaded: {error!r}") from error
    lacking = [name for name in names if not callable(getattr(module, name, None))]
    if lacking:
        raise ValueError(f"{path.name} defines no {', '.join(lacking)}")
    return module


def checked(record: Any) -> dict[str, Any]:
    """Give a record back; raises ValueError unless it has all that an Op tells of it."""
    for name, kind in {
        "writer": str,
        "seq": int,
        "value": str,
        "previous": int,
        "crc": int,
    }.items():
        if type(record[name]) is not kind:
            raise ValueError(f"{name} must be {kind.__name__}, not {record[name]!r}")
    return dict(record)


def _visits(said: Any, domain: str) -> dict[str, Any]:
    ways = {str(name): _whole(str(to), domain) for name, to in said["ways"].items()}
    return {**said, "ways": ways, "rate": _positive(said, "rate")}


def _member(said: Any, domain: str) -> Member:
    ordinal, name = int(said["ordinal"]), str(said["name"])
    return Member(ordinal, name, *(_whole(str(said[key]), domain) for key in ("host", "asked")))


def whole(name: str) -> str:
    """Complete a service's name by the domain of the cluster that this runs in."""
    return _whole(name, _domain(_RESOLV))


def _whole(name: str, domain: str) -> str:
    """Complete a service's name, with or without a port, by the cluster's own domain."""
    bare, colon, port = name.partition(":")
    return f"{bare}.{domain}{colon}{port}" if bare.endswith(".svc") else name


def _domain(resolv: Path) -> str:
    """Give the cluster's domain: kubelets put `svc.<domain>` on a pod's search list."""
    lines = [line.split() for line in resolv.read_text().splitlines()] if resolv.exists() else []
    found = [word for line in lines if line[:1] == ["search"] for word in line[1:]]
    services = (word.removeprefix("svc.") for word in found if word.startswith("svc."))
    return next(services, "cluster.local").rstrip(".")


def _positive(said: Any, key: str) -> float:
    number = float(said[key])
    if not 0 < number < float("inf"):
        raise ValueError(f"{key} must be above 0, not {number}")
    return number
