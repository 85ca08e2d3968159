"""Tells of three members that agree, and of clients of a register, a bank and sessions at them.

One member is cut off from the others for a while: what it is asked then has no answer, unless it
is `lax` and answers from its own copy. Each defect is planted by one field.
May import: model, testing.story.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from seatrial.model import Json, Op, Outcome
from seatrial.testing.story import Story

ACCOUNTS = tuple(f"account-ab12-{n}" for n in range(5))
_KEYS = tuple(f"register-ab12-{n}" for n in range(3))
_TOTAL = 500
FAULT = "partition"


@dataclass
class Agreed(Story):
    """`held` by the majority is `copies[m]` of each member that is not `cut`.

    `lax`: whoever is cut off answers reads. `hasty`: transfers write back what another one has
    changed meanwhile. `torn`: a read of all accounts sees half of a transfer.
    """

    lax: bool = False
    hasty: bool = False
    torn: bool = False
    cut: int = -1
    draw: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311
    agreed: dict[str, Any] = field(default_factory=dict)
    parted: dict[str, Any] = field(default_factory=dict)
    lives: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    def whole(self) -> Agreed:
        """Tell all of it: before, while member 1 is cut off, and after."""
        self.deploys()
        self.bank("open", 0, balances=dict.fromkeys(ACCOUNTS, _TOTAL // len(ACCOUNTS)))
        self.agreed |= dict.fromkeys(ACCOUNTS, _TOTAL // len(ACCOUNTS))
        self.flows(6)
        self.phase("fault")
        self.stage(FAULT, 1, "planned", {"target": self.proof(1)})
        self.waits(0.5)
        self.cut, self.parted = 1, dict(self.agreed)
        self.stage(FAULT, 1, "receipt", self.proof(1))
        self.flows(15)
        self.cut = -1
        self.stage(FAULT, 1, "healed", self.proof(1))
        self.phase("final")
        self.flows(6)
        self.ends()
        return self

    def flows(self, rounds: int) -> None:
        """Let each client of each model do something, so many times."""
        for _ in range(rounds):
            for number in range(3):
                for act in (self._register, self._transfer, self._balances, self._count):
                    act(number, self.draw.randrange(3))
        for member in range(3):
            for number in range(3):
                self._register(number, member, "read")
                self._count(number, member, "read")
            self._balances(member, member)

    def ends(self) -> None:
        """Let the driver be collected from."""
        self.says("driver", "driver", {"event": "started", "node": "worker-4"})
        ops = {"expected": len(self.ops), "collected": len(self.ops)}
        self.says("driver", "driver", {"event": "collected", "node": "worker-4", **ops})

    def bank(self, f: str, number: int, outcome: Outcome = Outcome.OK, **value: Json) -> Op:
        """Tell one operation of the bank."""
        return self._told("bank", number, f, outcome, **value)

    def _told(self, model: str, number: int, f: str, outcome: Outcome, **value: Json) -> Op:
        self.waits(0.02)
        life = self.lives.get(f"{model}/{number}", 0)
        process = f"{model}/{number}.{life}" if life else f"{model}/{number}"
        value = {"f": f, "member": 0, **value, "answer": 200, "note": "", "late": 0.0}
        op = self.says(process, model, value, outcome, took=0.01)
        if outcome is Outcome.INFO:
            self.lives[f"{model}/{number}"] = life + 1
        return op

    def _read(self, member: int, key: str) -> tuple[Outcome, Any]:
        if member != self.cut:
            return Outcome.OK, self.agreed.get(key)
        return (Outcome.OK, self.parted.get(key)) if self.lax else (Outcome.FAIL, None)

    def _change(self, member: int) -> Outcome:
        return Outcome.INFO if member == self.cut else Outcome.OK

    def _register(self, number: int, member: int, f: str = "") -> None:
        key = _KEYS[number] if f else self.draw.choice(_KEYS)
        value: Json
        if f or self.draw.random() < 0.5:  # noqa: PLR2004 - half of all
            outcome, value = self._read(member, key)
            self._told("register", number, "read", outcome, key=key, value=value, member=member)
            return
        new, old, outcome = self._new(f"{number}."), self.agreed.get(key), self._change(member)
        compares = key == _KEYS[-1] and old is not None
        f, value = ("cas", [old, new]) if compares else ("write", new)
        self._told("register", number, f, outcome, key=key, value=value, member=member)
        if outcome is Outcome.OK:
            self.agreed[key] = new

    def _count(self, number: int, member: int, f: str = "") -> None:
        """Let a session write its next version, or read its own key, or that of the next one."""
        key = self._key(number)
        if f or self.draw.random() < 0.5:  # noqa: PLR2004 - half of all
            key = key if f or self.draw.randrange(3) else self._key((number + 1) % 3)
            outcome, found = self._read(member, key)
            self._told("session", number, "read", outcome, key=key, version=found, member=member)
            return
        version, outcome = int(self._new(key)), self._change(member)
        self._told("session", number, "write", outcome, key=key, version=version, member=member)
        if outcome is Outcome.OK:
            self.agreed[key] = version

    def _key(self, number: int) -> str:
        return f"session-ab12-{number}.{self.lives.get(f'session/{number}', 0) + 1}"

    def _new(self, name: str) -> str:
        """Give what was never written: for a register after its client's name."""
        self.counted[name] = self.counted.get(name, 0) + 1
        return f"{name}{self.counted[name]}" if name.endswith(".") else str(self.counted[name])

    def _transfer(self, number: int, member: int) -> None:
        source, target = self.draw.sample(ACCOUNTS, 2)
        amount, outcome = self.draw.randint(1, 5), self._change(member)
        move = {"source": source, "target": target, "amount": amount, "member": member}
        self.bank("transfer", number, outcome, **move)
        if outcome is not Outcome.OK:
            return
        self.agreed[source] -= amount
        if self.torn and self.counted.setdefault("torn", 0) == 0 and self.cut >= 0:
            self.counted["torn"] = 1
            self._balances((number + 1) % 3, 0)
        if not (self.hasty and self.cut >= 0 and self.draw.random() < 0.2):  # noqa: PLR2004
            self.agreed[target] += amount

    def _balances(self, number: int, member: int) -> None:
        found = {account: self._read(member, account) for account in ACCOUNTS}
        outcome = next(iter(found.values()))[0]
        balances = {account: value for account, (_, value) in found.items()}
        read = balances if outcome is Outcome.OK else None
        self.bank("read", number, outcome, balances=read, member=member)


def agreed(**how: Any) -> Callable[[], Agreed]:
    """Give who tells a whole run."""
    return lambda: Agreed({FAULT: [1]}, **how).whole()
