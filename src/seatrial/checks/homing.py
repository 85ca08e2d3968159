"""session.drift and .external: what becomes of clients and sessions when their member dies.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.checks import visits
from seatrial.checks.drifts import Drift, began, drifts, no_receipt
from seatrial.checks.findings import Finding, indexes, settled
from seatrial.checks.visits import DIRECT
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

_DRIFT, _EXTERNAL = "session.drift", "session.external"
_KILLS = "pod-delete"
_HITS = (_KILLS, "scale-down", "rolling-update")
"""Faults that end a member's pod for good, and those by which many go one after the other."""
_NOTHING = "no member was taken away, so nothing was shown"
_NAMED = 20


@dataclass(frozen=True)
class Move:
    """A client whose pod was hit: its last answered visit there, and its first one elsewhere."""

    client: str
    struck: float
    last: Op
    found: Op | None
    tried: Sequence[Op]
    drift: Drift


def drift(history: History) -> Verdict:
    """Judge session.drift: whose pod dies is answered by another one in time, and is told the loss.

    Broken by a client that nobody else answered within `within` seconds (of the profile's
    sessions) after the blow though it went on visiting, and by an answer that hides a loss: one
    that calls the session whole with a count that had been reached before, or under another life.
    Unknown without receipt, when nobody saw a pod told to go, or no client was at one. That
    sessions are lost is no breach, it is counted. Figures: rehomed, slowest (seconds), lost
    (sessions), hidden.
    Source: kubernetes#110302, #71809 (affinity that keeps a client at a dead pod).
    """
    if why := visits.unseen(history, DIRECT) or _unshown(history):
        return Verdict(_DRIFT, Standing.UNKNOWN, why)
    within = float(visits.declared(history)["within"])
    found = moves(history)
    findings = [_homed(move, within) for move in found]
    hidden = [op for op in _answers(history) if _hidden(op)]
    if hidden:
        findings.append(Finding(Standing.BROKEN, _said(hidden[0]), tuple(hidden[:_NAMED])))
    seconds = [m.found.completed - m.struck for m in found if m.found]
    lost = {(op.value["client"], op.value["way"], op.value["had"]) for op in _lost(history)}
    figures: dict[str, Json] = {"rehomed": len(seconds), "hidden": len(hidden)}
    figures |= {"lost": len(lost), "slowest": round(max(seconds, default=0.0), 3)}
    praise = f"{len(seconds)} times a client whose pod died was answered by another one, after "
    praise += f"{figures['slowest']:.1f} s at most; {len(lost)} sessions were lost, and told so"
    return settled(_DRIFT, findings, praise, figures, "no client was at a pod that died")


def external(history: History) -> Verdict:
    """Judge session.external: with a store of its own no session is lost when members die.

    Broken by an answer that says that a session is lost, or that hides it (see drift). Unknown
    without receipt, or when no client came from a pod that died to another one with its session.
    Figures: carried (clients that did), visits, lost, hidden.
    Source: the twelve-factor app, "Processes": what has to stay is kept in a backing service.
    """
    if why := visits.unseen(history, DIRECT) or _unshown(history):
        return Verdict(_EXTERNAL, Standing.UNKNOWN, why)
    ops = _answers(history)
    lost, hidden = list(_lost(history)), [op for op in ops if _hidden(op)]
    came = [(move.last, move.found) for move in moves(history) if move.found and _whole(move)]
    figures = {"carried": len(came), "visits": len(ops), "lost": len(lost), "hidden": len(hidden)}
    if culprits := [*lost, *hidden]:
        return Verdict(
            _EXTERNAL, Standing.BROKEN, _said(culprits[0]), indexes(culprits[:_NAMED]), figures
        )
    findings = [Finding(Standing.HOLDS, ops=pair) for pair in came]
    praise = f"{len(came)} sessions whose member died went on at another one, and none of those "
    praise += f"that {len(ops)} visits belong to was lost"
    return settled(_EXTERNAL, findings, praise, figures, "no session came from a pod that died")


def moves(history: History) -> list[Move]:
    """Give every client that was last answered by a pod before that was hit."""
    return [move for one in _hits(history) for move in _moved(history, one)]


def _hits(history: History) -> list[Drift]:
    return [one for one in drifts(history) if one.fault in _HITS and one.old]


def _moved(history: History, hit: Drift) -> Iterator[Move]:
    struck = _struck(history, hit)
    if struck is None:
        return
    for client, ops in visits.answered(history, DIRECT).items():
        before = [op for op in ops if op.completed - op.error <= struck]
        if not before or before[-1].value["uid"] != hit.old:
            continue
        later = (op for op in ops if op.invoked + op.error >= struck)
        found = next((op for op in later if op.value["uid"] != hit.old), None)
        tried = [op for op in visits.attempts(history, DIRECT, client) if op.invoked >= struck]
        yield Move(client, struck, before[-1], found, tried, hit)


def _unshown(history: History) -> str:
    if why := no_receipt(history, *_HITS):
        return why
    found = _hits(history)
    unseen = [one.name for one in found if _struck(history, one) is None]
    said = f"nobody saw when the {unseen[0]} took its pod away" if unseen else ""
    return said or ("" if found else _NOTHING)


def _struck(history: History, hit: Drift) -> float | None:
    """Give the second at which a pod was told to go; of many each has a second of its own."""
    plan = began(history, hit.receipt)
    if hit.fault == _KILLS:
        return visits.blow(hit, plan)
    own = (op for op in history.of("pod") if op.value["uid"] == hit.old and op.index > plan.index)
    gone = (op for op in own if op.value["deleting"] or op.value["event"] == "DELETED")
    return next((op.invoked for op in gone), None)


def _homed(move: Move, within: float) -> Finding:
    who = f"{move.client}, at {move.last.value['pod']} until the {move.drift.name},"
    shown = (move.last, move.drift.receipt, *([move.found] if move.found else ()))
    if move.found is None:
        until = max((op.completed - op.error for op in move.tried), default=move.struck)
        seconds = until - move.struck
        standing = Standing.BROKEN if seconds > within else Standing.UNKNOWN
        said = f"{who} was answered by nobody else in {seconds:.1f} s of {within:g} s"
        return Finding(standing, said, (*shown, *move.tried[-1:]))
    seconds, error = move.found.completed - move.struck, move.found.error
    if seconds - error <= within < seconds + error:
        said = f"{who} was answered after {seconds:.1f} s, give or take {error:.1f} s"
        return Finding(Standing.UNKNOWN, f"{said}; {within:g} s are claimed", shown)
    said = f"{who} was answered by another one only after {seconds:.1f} s, not {within:g} s"
    return Finding(Standing.BROKEN if seconds > within else Standing.HOLDS, said, shown)


def _answers(history: History) -> list[Op]:
    return [op for op in history.of("request") if op.outcome is Outcome.OK]


def _lost(history: History) -> Iterator[Op]:
    return (op for op in _answers(history) if op.value["lost"])


def _hidden(op: Op) -> bool:
    """Tell whether an answer calls a session whole that is not the one the client had."""
    value = op.value
    if value["lost"] or not value["had"]:
        return False
    return bool(value["born"] != value["had"] or value["count"] <= value["last"])


def _whole(move: Move) -> bool:
    return move.found is not None and not move.found.value["lost"] and not _hidden(move.found)


def _said(op: Op) -> str:
    value = op.value
    what = "is told lost" if value["lost"] else "is called whole"
    more = f"with a count of {value['count']} where {value['last']} had been reached"
    return f"the session of {value['client']} {what} by {value['pod']} at {op.invoked:.1f} s {more}"
