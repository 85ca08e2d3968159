"""A bank: transfers between accounts leave the sum of all as it is, in reads and in copies.

Source: Jepsen, `jepsen.tests.bank`.
May import: model; consistency.judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from seatrial.checks.consistency.judgement import (
    Anomaly,
    Gap,
    Judgement,
    is_number,
    is_plain,
    judged,
    malformed,
    named,
    sound,
)
from seatrial.model import Json, Op, Outcome, Standing


@dataclass(frozen=True)
class Bank:
    """What is declared of a bank.

    `total` is the sum of all accounts; `accounts` are their names, None when they may be any;
    `overdraft` whether a balance may be negative. `transfers` is how many acknowledged ones a run
    must have to show anything: none for a restored copy.
    """

    total: int
    accounts: frozenset[int | str] | None = None
    overdraft: bool = False
    transfers: int = 1


def judge_bank(ops: Iterable[Op], bank: Bank) -> Judgement:
    """Judge what was read of a bank, or of a copy of it that was restored; linear.

    Ops are `transfer` (only counted) and `read`, of which `value["balances"]` maps each account
    to its whole number; a restored copy is one read. In the names of an account JSON knows only
    text, so a number and its text are one. Broken by an acknowledged read with another total
    (wrong-total), an account missing (missing-account) or too much (strange-account), one that has
    no balance (no-balance), or, unless overdraft is declared, a negative one (negative). Unknown
    without an acknowledged read, and with fewer acknowledged transfers than declared.
    Figures: reads, transfers, total, least and most (sums that were read), anomalies.
    """
    gaps: list[Gap] = []
    found: list[Anomaly] = []
    sums: list[int] = []
    transfers = 0
    for op in sound(ops, {"transfer", "read"}, gaps):
        if op.outcome is not Outcome.OK:
            continue
        if op.what == "transfer":
            transfers += 1
        elif wrong := _unreadable(op.value.get("balances")):
            gaps.append(malformed(op, wrong))
        else:
            balances = {str(name): value for name, value in op.value["balances"].items()}
            sums.append(sum(value or 0 for value in balances.values()))
            found.extend(_wrong(op, balances, bank))
    if not sums:
        gaps.append(Gap("no read of the bank was answered"))
    if transfers < bank.transfers:
        reason = f"only {transfers} transfers were acknowledged, {bank.transfers} show something"
        gaps.append(Gap(reason))
    spread = {"least": min(sums), "most": max(sums)} if sums else {}
    figures = {"reads": len(sums), "transfers": transfers, "total": bank.total, **spread}
    praise = f"all {len(sums)} reads sum up to {bank.total}, after {transfers} transfers"
    return judged(found, gaps, praise, figures)


def holds_in_copy(balances: Mapping[str, Json], bank: Bank) -> bool:
    """Tell whether a restored copy's balances are what the bank declares."""
    copy = Op("copy", "read", Outcome.OK, 0.0, 0.0, {"balances": balances})
    return judge_bank([copy], replace(bank, transfers=0)).standing is Standing.HOLDS


def _unreadable(balances: Json) -> str:
    if not isinstance(balances, Mapping) or not all(map(is_plain, balances)):
        return "has no balances by account"
    strange = (v for v in balances.values() if v is not None and not is_number(v))
    return next((f"has the balance {value!r:.40}" for value in strange), "")


def _wrong(op: Op, balances: Mapping[str, int | None], bank: Bank) -> Iterator[Anomaly]:
    said = f"{named(op)} found"
    wanted = balances.keys() if bank.accounts is None else {*map(str, bank.accounts)}
    for name, where in (
        ("missing", wanted - balances.keys()),
        ("strange", balances.keys() - wanted),
    ):
        for account in sorted(where)[:1]:
            what = "no account" if name == "missing" else "the undeclared account"
            yield Anomaly(f"{name}-account", f"{said} {what} {account}", (op.index,))
    for account, balance in balances.items():
        if balance is None:
            yield Anomaly("no-balance", f"{said} no balance of account {account}", (op.index,))
        elif balance < 0 and not bank.overdraft:
            yield Anomaly("negative", f"{said} {balance} in account {account}", (op.index,))
    total = sum(value or 0 for value in balances.values())
    if total != bank.total:
        reason = f"{said} {total} in all accounts together, where there are {bank.total}"
        yield Anomaly("wrong-total", reason, (op.index,))
