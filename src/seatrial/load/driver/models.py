"""What clients of a register, of a bank and of sessions do next, drawn from the seed.

Every value is written once, and a session's keys by it alone, so that what was read tells by whom
and when it was written.
Source: Jepsen, `tests.linearizable-register`, `tests.bank`.
May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from contract import Client

_KEYS, _ACCOUNTS, _BALANCE, _LARGEST = 3, 5, 100, 5
_READS = 0.5
"""The share of reads among all operations."""


@dataclass(frozen=True)
class Act:
    """One operation: what its Op tells of it, and the call that does it at a host in some seconds.

    `answer` is the field of the Op that holds what a read gives; empty for what changes something.
    `counts`: it is what the model is about, and not what must come first.
    """

    told: dict[str, Any]
    call: Callable[[str, float], Any]
    answer: str = ""
    counts: bool = True


class Turn(Protocol):
    """Decides what one client does, one thing after the other."""

    def next(self) -> Act:
        """Give what comes next."""

    def done(self, act: Act, outcome: str, found: Any) -> None:
        """Take note of how it ended, and what was read."""

    def retired(self) -> None:
        """Go on as somebody else: nobody knows what became of the last one's change."""

    def last(self) -> Iterable[Act]:
        """Give what is read when the load has ended."""


@dataclass
class Shared:
    """What the clients of one model have in common; `run` ends their names, that no other has them.

    `opened` once the bank has its accounts; `keys` are those of the sessions, by client.
    """

    client: Client
    run: str
    opened: bool = False
    keys: dict[int, str] = field(default_factory=dict)


class Register:
    """Reads and writes a few keys, and compares and sets the last of them if the client can."""

    def __init__(self, number: int, shared: Shared, draw: random.Random) -> None:
        self._client, self._draw = shared.client, draw
        self._keys = [f"register-{shared.run}-{n}" for n in range(_KEYS)]
        self._compared = self._keys[-1] if hasattr(shared.client, "cas") else ""
        self._name, self._written, self._seen = number, 0, ""

    def next(self) -> Act:
        """Draw a key and what to do with it."""
        key = self._draw.choice(self._keys)
        if self._draw.random() < _READS:
            return self._read(key)
        self._written += 1
        new = f"{self._name}.{self._written}"
        if key == self._compared and self._seen:
            told = {"f": "cas", "key": key, "value": [self._seen, new]}
            return Act(told, partial(_cas, self._client, key, self._seen, new))
        told = {"f": "write", "key": key, "value": new}
        return Act(told, partial(_put, self._client, key, new))

    def done(self, act: Act, outcome: str, found: Any) -> None:
        """Remember what the key that is compared held last."""
        if act.told["key"] == self._compared:
            # After a read the next change compares; after a change it writes, whatever is there.
            self._seen = found if act.answer and outcome == "ok" and found else ""

    def retired(self) -> None:
        """Values stay unique: they are counted on."""

    def last(self) -> Iterable[Act]:
        """Read every key."""
        return map(self._read, self._keys)

    def _read(self, key: str) -> Act:
        return _reading(self._client, key, "value")


class Bank:
    """Opens the accounts, then moves money between two of them, and reads all of them at once."""

    def __init__(self, number: int, shared: Shared, draw: random.Random) -> None:
        self._shared, self._draw, self.number = shared, draw, number
        self._accounts = [f"account-{shared.run}-{n}" for n in range(_ACCOUNTS)]

    def next(self) -> Act:
        """Open until somebody has opened; then read or transfer."""
        client = self._shared.client
        if not self._shared.opened:
            balances = dict.fromkeys(self._accounts, _BALANCE)
            told = {"f": "open", "balances": balances}
            call = lambda host, seconds: client.open_bank(host, balances, seconds)  # noqa: E731
            return Act(told, call, counts=False)
        if self._draw.random() < _READS:
            return self._read()
        source, target = self._draw.sample(self._accounts, 2)
        amount = self._draw.randint(1, _LARGEST)
        change = {"source": source, "target": target, "amount": amount}
        return Act(
            {"f": "transfer", **change},
            lambda host, seconds: client.transfer(host, dict(change), seconds),
        )

    def done(self, act: Act, outcome: str, found: Any) -> None:
        """Take note that the accounts are there."""
        del found
        if act.told["f"] == "open" and outcome == "ok":
            self._shared.opened = True

    def retired(self) -> None:
        """All clients of a bank are alike."""

    def last(self) -> Iterable[Act]:
        """Read the bank."""
        return [self._read()] if self._shared.opened else []

    def _read(self) -> Act:
        client, accounts = self._shared.client, self._accounts
        call = lambda host, seconds: client.balances(host, list(accounts), seconds)  # noqa: E731
        return Act({"f": "read"}, call, "balances")


class Session:
    """Counts up in a key that it alone writes, and reads it, and sometimes another session's."""

    def __init__(self, number: int, shared: Shared, draw: random.Random) -> None:
        self._shared, self._draw, self._number = shared, draw, number
        self._lives = self._version = 0
        self.retired()

    def next(self) -> Act:
        """Write the next version half of the time, else read: the own key twice of three times."""
        own = self._shared.keys[self._number]
        if self._draw.random() < _READS:
            others = list(self._shared.keys.values())
            return self._read(own if self._draw.randrange(3) else self._draw.choice(others))
        self._version += 1
        told = {"f": "write", "key": own, "version": self._version}
        return Act(told, partial(_put, self._shared.client, own, str(self._version)))

    def done(self, act: Act, outcome: str, found: Any) -> None:
        """Versions are counted on, whatever became of the last one."""

    def retired(self) -> None:
        """Take another key: a change that is still on its way must meet no later one."""
        self._lives, self._version = self._lives + 1, 0
        name = f"session-{self._shared.run}-{self._number}.{self._lives}"
        self._shared.keys[self._number] = name

    def last(self) -> Iterable[Act]:
        """Read the keys of all sessions."""
        return map(self._read, list(self._shared.keys.values()))

    def _read(self, key: str) -> Act:
        return _reading(self._shared.client, key, "version")


TURNS: dict[str, Callable[[int, Shared, random.Random], Turn]] = {
    "register": Register,
    "bank": Bank,
    "session": Session,
}


def _reading(client: Client, key: str, answer: str) -> Act:
    return Act({"f": "read", "key": key}, partial(_get, client, key), answer)


def _get(client: Client, key: str, host: str, seconds: float) -> Any:
    return client.get(host, key, seconds)


def _put(client: Client, key: str, value: str, host: str, seconds: float) -> Any:
    return client.put(host, key, value, seconds)


def _cas(client: Client, key: str, old: str, new: str, host: str, seconds: float) -> Any:
    return client.cas(host, key, old, new, seconds)
