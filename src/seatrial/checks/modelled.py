"""The durability family's models: a register, a bank, sessions, as clients in the driver used them.

What was told is judged by checks.consistency, which knows no cluster; what a verdict needs besides
(the fault's receipt, load in every phase, a driver that lost nothing) is asked here.
May import: model; checks.{consistency,drifts,phases,sight}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from seatrial.checks.consistency import Budget, Columns, Judgement, Register, closed, of_ops
from seatrial.checks.consistency.bank import Bank, judge_bank
from seatrial.checks.consistency.columns import FAIL, READ
from seatrial.checks.consistency.judgement import unless_bad
from seatrial.checks.consistency.models import of_columns
from seatrial.checks.consistency.register import judge_register
from seatrial.checks.consistency.search import judge_model
from seatrial.checks.consistency.sessions import MONOTONIC_READS, READ_YOUR_WRITES, judge_sessions
from seatrial.checks.drifts import no_receipt, receipts
from seatrial.checks.phases import PHASES, phases, within
from seatrial.checks.sight import driver_lost
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

LEAST = 5
"""Reads and changes that must be acknowledged in each phase for it to show something."""
_STATES = 500_000
"""What a search for an order may try, over all keys that are compared and set: 100 MB at most."""
_PROMISED = (READ_YOUR_WRITES, MONOTONIC_READS)


def register(history: History) -> Verdict:
    """Judge durability.register: all that clients read and wrote has one order that explains it.

    Of `register` Ops {f: read|write|cas, key, value, member}. Keys that were only read and written
    are judged by zones, those that were compared and set by a search over what certainly happened
    (consistency.closing). Broken by two operations that conflict, which the reason names. Unknown
    without a receipt for each planned fault, without load before, during and after the faults,
    without a last read of every key through every member, where the search outlasts its budget,
    and with a driver that was lost; what depends on what it did not tell is no breach then.
    Figures: operations, reads, changes, unknown_answers (changes of which nobody knows), keys,
    seconds, states (tried by the search).
    Source: Herlihy and Wing, "Linearizability" (1990); Jepsen, `tests.linearizable-register`.
    """
    ops = list(history.of("register"))
    blind = driver_lost(history)
    judged = _parts(ops, cut=bool(blind))
    states = sum(one.figures.get("states", 0) for one in judged)
    figures = {**_figures(ops), "keys": len({op.value["key"] for op in ops}), "states": states}
    pairs = {(op.value["key"], op.value["member"]) for op in _finals(history, ops)}
    wanted = [(key, member) for key in _changed(ops) for member in history.members]
    last = next((pair for pair in wanted if pair not in pairs), None)
    unread = f"key {last[0]} was not read through member {last[1]} after the faults" if last else ""
    praise = f"{figures['reads']} reads and {figures['changes']} changes have one order"
    return _concluded("durability.register", history, ops, judged, unread, praise, figures)


def _parts(ops: Sequence[Op], *, cut: bool) -> list[Judgement]:
    """Judge the keys that are only read and written, and those that are also compared and set."""
    compared = {op.value["key"] for op in ops if op.value["f"] == "cas"}
    found = [unless_bad(lambda: _plain([op for op in ops if op.value["key"] not in compared], cut))]
    if compared and not cut:
        found.append(
            unless_bad(lambda: _compared([op for op in ops if op.value["key"] in compared]))
        )
    return found


def _plain(ops: Sequence[Op], cut: bool) -> Judgement:  # noqa: FBT001 - as Columns has it
    return judge_register(replace(of_ops(_of_one_clock(ops)), cut=cut))


def _compared(ops: Sequence[Op]) -> Judgement:
    told = of_ops(_of_one_clock(ops))
    refused = _unwritten(told)
    if refused:
        return refused
    return judge_model(of_columns(closed(told)), Register(), Budget(states=_STATES))


def _unwritten(told: Columns) -> Judgement | None:
    """Find a read of what nobody can have written: a search says less of it."""
    written = told.part(np.flatnonzero((told.kind != READ) & (told.outcome != FAIL)))
    known = {*zip(written.key.tolist(), written.value.tolist(), strict=True)}
    for row in np.flatnonzero((told.kind == READ) & (told.outcome != FAIL)).tolist():
        value = told.names.name(told.value[row])
        if value is not None and (int(told.key[row]), int(told.value[row])) not in known:
            reason = f"{told.tell(row)}, a value that was never written"
            return Judgement(Standing.BROKEN, reason, (told.place(row),))
    return None


def bank(history: History) -> Verdict:
    """Judge durability.bank: transfers leave the sum of all accounts as it is, in every read.

    Of `bank` Ops {f: open|transfer|read, balances}; what was opened declares accounts and total.
    Broken by an acknowledged read with another total, an account too few or too many, or a
    negative balance. Unknown as durability.register, with a last whole read through every member.
    Figures: operations, reads, changes, unknown_answers, seconds, accounts, total, least and most
    (sums that were read).
    Source: Jepsen, `tests.bank`.
    """
    ops = list(history.of("bank"))
    opened = next((op for op in ops if op.value["f"] == "open" and op.outcome is Outcome.OK), None)
    balances: Mapping[str, int] = opened.value["balances"] if opened else {}
    told = [replace(op, what=op.value["f"]) for op in ops if op.value["f"] != "open"]
    declared = Bank(sum(balances.values()), frozenset(balances))
    found = judge_bank(told, declared)
    judged = [found] if opened else [Judgement(Standing.UNKNOWN, "no bank was opened")]
    sums = {key: found.figures[key] for key in ("least", "most") if key in found.figures}
    figures = {**_figures(ops), "accounts": len(balances), "total": declared.total, **sums}
    asked = {op.value["member"] for op in _finals(history, ops)}
    last = next((member for member in history.members if member not in asked), None)
    unread = "" if last is None else f"it was not read through member {last} after the faults"
    return _concluded("durability.bank", history, ops, judged, unread, found.reason, figures)


def session(history: History) -> Verdict:
    """Judge durability.session: no session reads behind what it wrote, or behind what it had read.

    Of `session` Ops {f: read|write, key, version, member}: a session is a process, it wanders over
    the members, and each key is written by one session, in versions 1, 2, 3, ... Broken by a read
    older than the session's own write before it (read-your-writes) or than its read before it
    (monotonic-reads). Unknown as durability.register, but for the last reads.
    Figures: operations, reads, changes, unknown_answers, seconds, sessions, pairs (by promise, how
    often it could have been broken).
    Source: Terry et al., "Session Guarantees for Weakly Consistent Replicated Data" (1994).
    """
    ops = list(history.of("session"))
    told = [
        replace(op, what=op.value["f"], value={**op.value, "server": op.value["member"]})
        for op in ops
    ]
    found = judge_sessions(told, _PROMISED)
    shown = {key: found.figures[key] for key in ("sessions", "pairs") if key in found.figures}
    figures = {**_figures(ops), **shown}
    return _concluded("durability.session", history, ops, [found], "", found.reason, figures)


def _of_one_clock(ops: Iterable[Op]) -> list[Op]:
    """Give Ops as their one clock has them: how far it is from the run's moves all of them alike.

    A driver that was started again has another; then it was lost, and what follows is unknown.
    """
    return [replace(op, error=0.0) for op in ops]


def _concluded(
    guarantee: str,
    history: History,
    ops: Sequence[Op],
    judged: Sequence[Judgement],
    unread: str,
    praise: str,
    figures: Mapping[str, Json],
) -> Verdict:
    """Say what is broken, then what keeps anybody from judging, then what a judge did not know."""
    shown = tuple(op.index for op in receipts(history))
    for one in judged:
        if one.standing is Standing.BROKEN:
            evidence = tuple(dict.fromkeys((*one.shown, *shown)))
            return Verdict(guarantee, Standing.BROKEN, one.reason, evidence, figures)
    unknown = (one.reason for one in judged if one.standing is not Standing.HOLDS)
    why = (driver_lost(history), _unshown(history, ops), *unknown, unread)
    reason = next(filter(None, why), "")
    standing = Standing.UNKNOWN if reason else Standing.HOLDS
    return Verdict(guarantee, standing, reason or praise, shown, figures)


def _unshown(history: History, ops: Sequence[Op]) -> str:
    if absent := no_receipt(history):
        return absent
    if not receipts(history):
        return "no fault was caused, so nothing was shown"
    return next(_idle(history, ops), "")


def _idle(history: History, ops: Sequence[Op]) -> Iterator[str]:
    """Say where the load was too small to show anything."""
    seen = phases(history)
    for name, when in PHASES.items():
        if name not in seen:
            yield f"the run has no phase {name!r}"
            return
        done = [op for op in ops if op.outcome is Outcome.OK and within(op, seen[name])]
        for kind, of_kind in _KINDS.items():
            if (count := sum(map(of_kind, done))) < LEAST:
                yield f"only {count} {kind} were acknowledged {when}, {LEAST} show something"


def _reads(op: Op) -> bool:
    return bool(op.value["f"] == "read")


def _changes(op: Op) -> bool:
    return op.value["f"] not in {"read", "open"}


_KINDS: Mapping[str, Callable[[Op], bool]] = {"reads": _reads, "changes": _changes}


def _figures(ops: Sequence[Op]) -> dict[str, Json]:
    done = [op for op in ops if op.outcome is Outcome.OK]
    began = min((op.invoked for op in ops), default=0.0)
    return {
        "operations": len(ops),
        **{kind: sum(map(of_kind, done)) for kind, of_kind in _KINDS.items()},
        "unknown_answers": sum(1 for op in ops if op.outcome is Outcome.INFO),
        "seconds": round(max((op.completed for op in ops), default=0.0) - began, 3),
    }


def _finals(history: History, ops: Iterable[Op]) -> Iterator[Op]:
    """Give the reads that were answered after the faults."""
    final = phases(history).get("final")
    for op in ops:
        if final and op.outcome is Outcome.OK and _reads(op) and within(op, final):
            yield op


def _changed(ops: Iterable[Op]) -> list[str]:
    """Name the keys in which a change was acknowledged."""
    return sorted({op.value["key"] for op in ops if op.outcome is Outcome.OK and _changes(op)})
