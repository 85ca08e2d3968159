"""The identity ledger: who held an ordinal, from when until when, and with what.

Made of what a History saw of pods, claims, volumes and name resolution. The order of one kind of
object is its resourceVersion, never its arrival (kubernetes.io, API concepts, "Resource
versions"). Times are seconds on the run's clock.
May import: model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from seatrial.checks.sight import unsure
from seatrial.model import History, Op, Outcome


@dataclass(frozen=True)
class Mount:
    """What one pod had mounted of one claim: `volume` is the bound volume's uid, "" if unknown."""

    claim: str
    claim_uid: str
    volume: str
    node: str


@dataclass(frozen=True)
class Answer:
    """A run of equal answers of one DNS server about one ordinal.

    `since` is when the first was asked, `known` when it had come, `asked` when the last was
    asked, `until` when that had come; all may be wrong by `error` seconds. `op` shows it, `last`
    shows its end.
    """

    code: str
    addresses: frozenset[str]
    since: float
    known: float
    asked: float
    until: float
    error: float
    op: Op
    last: Op


@dataclass(frozen=True)
class Moment:
    """When something happened to an object: seconds on the run's clock, and resourceVersion."""

    seconds: float
    rv: int


@dataclass(frozen=True)
class Tenure:
    """One pod's time as the holder of an ordinal, `since` its creation, `until` it was gone.

    `until` is None while it was never seen to end. `node` and `address` are the last known;
    `containers` (ids as the node's runtime gives them) are all, in order. `dns` has the answers
    by server that were given in this time. `certain` is False when a gap lies over one of its
    ends. `ops` are its pod's Ops by resourceVersion.
    """

    ordinal: int
    pod: str
    uid: str
    node: str
    address: str
    containers: tuple[str, ...]
    mounts: tuple[Mount, ...]
    dns: Mapping[str, tuple[Answer, ...]]
    since: Moment
    until: Moment | None
    certain: bool
    ops: tuple[Op, ...]

    @property
    def leaving(self) -> Op | None:
        """The first Op that shows its deletionTimestamp."""
        return next((op for op in self.ops if op.value["deleting"]), None)

    @property
    def end(self) -> Op | None:
        """The Op that shows it wholly gone."""
        return self.ops[-1] if self.ops[-1].value["event"] == "DELETED" else None


def ordinals(history: History) -> Mapping[int, tuple[Tenure, ...]]:
    """Give the tenures of every ordinal of the set on trial, in the order they began."""
    answered = resolved(history)
    found: dict[int, list[Tenure]] = {}
    for ordinal, ops in _members(history):
        found.setdefault(ordinal, []).append(_tenure(history, ordinal, ops, answered))
    return {
        ordinal: tuple(sorted(tenures, key=lambda t: t.since.rv))
        for ordinal, tenures in sorted(found.items())
    }


def resolved(history: History) -> Mapping[tuple[str, int], tuple[Answer, ...]]:
    """Give the runs of equal answers by (server, ordinal), in the order they were asked.

    Time-outs are no answers. An Op that repeats the one before it ends that one's run.
    """
    asked: dict[tuple[str, int], list[Op]] = {}
    for op in history.of("dns"):
        if op.outcome is Outcome.OK:
            asked.setdefault((op.value["server"], op.value["ordinal"]), []).append(op)
    return {key: tuple(_runs(ops)) for key, ops in asked.items()}


def mounts(history: History, pod: Op) -> tuple[Mount, ...]:
    """Give what a pod has mounted, by claim, as it stood when this Op saw the pod."""
    return tuple(_mount(history, name, pod) for name in sorted(pod.value["claims"]))


def _members(history: History) -> Iterator[tuple[int, tuple[Op, ...]]]:
    named = re.compile(rf"{re.escape(history.head['profile']['set'])}-(\d+)")
    pods: dict[tuple[int, str], list[Op]] = {}
    for op in history.of("pod"):
        if found := named.fullmatch(op.value["name"]):
            pods.setdefault((int(found[1]), op.value["uid"]), []).append(op)
    for (ordinal, _), ops in pods.items():
        yield ordinal, tuple(sorted(ops, key=_version))


def _version(op: Op) -> tuple[int, bool]:
    """Sort an end that a new list told, with its object's last version, after that version."""
    return op.value["rv"], op.value["event"] == "DELETED"


def _tenure(
    history: History,
    ordinal: int,
    ops: tuple[Op, ...],
    answered: Mapping[tuple[str, int], tuple[Answer, ...]],
) -> Tenure:
    first, last = ops[0], ops[-1]
    gone = last.value["event"] == "DELETED"
    addresses = _seen(op.value["ip"] for op in ops)
    since, until = _moment(first), _moment(last) if gone else None
    placed = next((op for op in reversed(ops) if op.value["node"]), last)
    return Tenure(
        ordinal=ordinal,
        pod=first.value["name"],
        uid=first.value["uid"],
        node=placed.value["node"],
        address=addresses[-1] if addresses else "",
        containers=_seen(i for op in ops for i in op.value.get("containers", {}).values()),
        mounts=mounts(history, placed),
        dns=dict(_during(ordinal, since, until, answered)),
        since=since,
        until=until,
        certain=not unsure(history, "pod", first) and not (gone and unsure(history, "pod", last)),
        ops=ops,
    )


def _seen(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _moment(op: Op) -> Moment:
    return Moment(op.completed, op.value["rv"])


def _during(
    ordinal: int,
    since: Moment,
    until: Moment | None,
    answered: Mapping[tuple[str, int], tuple[Answer, ...]],
) -> Iterator[tuple[str, tuple[Answer, ...]]]:
    for (server, about), runs in answered.items():
        if about == ordinal:
            yield (
                server,
                tuple(
                    run
                    for run in runs
                    if run.until + run.error >= since.seconds
                    and (until is None or run.since - run.error <= until.seconds)
                ),
            )


def _runs(ops: Sequence[Op]) -> Iterator[Answer]:
    for _, group in groupby(sorted(ops, key=lambda op: op.invoked), key=_said):
        run = [_answer(op) for op in group]
        yield replace(
            run[0],
            asked=run[-1].asked,
            until=run[-1].until,
            error=max(answer.error for answer in run),
            last=run[-1].op,
        )


def _said(op: Op) -> tuple[str, frozenset[str]]:
    return op.value["code"], frozenset(op.value["addresses"])


def _answer(op: Op) -> Answer:
    since = min(op.invoked, op.value.get("since", op.invoked))
    repeated = op.value.get("times", 1) > 1
    return Answer(
        code=op.value["code"],
        addresses=frozenset(op.value["addresses"]),
        since=since,
        known=since if repeated else op.completed,
        # An Op that spans its whole run tells when its last answer had come, not when asked.
        asked=op.completed if repeated and op.invoked <= since else op.invoked,
        until=op.completed,
        error=op.error,
        op=op,
        last=op,
    )


def _mount(history: History, name: str, pod: Op) -> Mount:
    claim = _claim(history, name, pod)
    volume = _volume(history, claim.value["volume"], pod) if claim else None
    return Mount(
        name,
        claim.value["uid"] if claim else "",
        volume.value["uid"] if volume else "",
        volume.value["node"] if volume else "",
    )


def _claim(history: History, name: str, pod: Op) -> Op | None:
    """Give the claim of that name as it stood, bound, when the pod was last seen."""
    seen = [
        op
        for op in history.of("claim")
        if op.value["name"] == name and op.value["volume"] and op.value["rv"] <= pod.value["rv"]
    ]
    return max(seen, key=_version) if seen else None


def _volume(history: History, name: str, pod: Op) -> Op | None:
    """Give the volume of that name as it stood then: one made anew has another uid."""
    seen = [op for op in history.of("volume") if op.value["name"] == name]
    then = [op for op in seen if op.value["rv"] <= pod.value["rv"]]
    return max(then, key=_version) if then else min(seen, key=_version, default=None)
