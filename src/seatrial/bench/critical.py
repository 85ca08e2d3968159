"""How long the cluster itself needed for a trial: its critical path, from the audit log.

Between two requests of ours something is waited for: the path goes from our request to the last
change of the cluster before our next one, and what is left until that one is ours to answer for.
While a request of ours is under way (a question inside a container), and while the trial watches
on purpose that nothing moves, no time is ours either.
May import: cluster.audit and the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seatrial.cluster.audit import Request

_BESIDE = ("endpoints", "endpointslices", "events", "serviceaccounts", "configmaps")
"""What follows a change without anybody of ours waiting for it; it must not hide our slowness."""
Span = tuple[float, float]
"""From and until, seconds since 1970."""


@dataclass(frozen=True)
class Gap:
    """Seconds that were ours, when they began, and what we asked for at their end."""

    seconds: float
    since: float
    before: str


@dataclass(frozen=True)
class Path:
    """What a trial's seconds were spent on: the cluster's part of them, and what is left.

    `gaps` are where that was, the longest first.
    """

    cluster: float
    ours: float
    gaps: tuple[Gap, ...] = ()


def critical_path(
    requests: Sequence[Request], agent: str, quiet: Iterable[Span], whole: Span
) -> Path:
    """Rebuild the path of a trial that took the span `whole`.

    `agent` is how the user agent of our own requests begins; `quiet` are spans in which the trial
    watched on purpose that nothing moves.
    """
    since, until = whole
    ordered = sorted(requests, key=lambda request: request.came)
    ours = [r for r in ordered if r.agent.startswith(agent)]
    spans = [*((r.came, r.done) for r in ours), *quiet, *_waits(ordered, ours, until)]
    left = [*_uncovered(spans, since, until)]
    missing = sum(end - start for start, end in left)
    gaps = (Gap(end - start, start - since, _asked(ours, end)) for start, end in left)
    longest = tuple(sorted(gaps, key=lambda gap: -gap.seconds))
    return Path(until - since - missing, missing, longest)


def _asked(ours: Sequence[Request], at: float) -> str:
    """Name our first request from a time on."""
    found = next((r for r in ours if r.came >= at), None)
    return f"{found.verb} {found.resource} {found.name}".strip() if found else "the end"


def _waits(ordered: Sequence[Request], ours: Sequence[Request], until: float) -> Iterable[Span]:
    """Give from each of our requests to the cluster's last change before our next one."""
    moves = [r for r in ordered if r not in ours and not r.resource.startswith(_BESIDE)]
    nexts = [*(r.came for r in ours[1:]), until][: len(ours)]
    for request, following in zip(ours, nexts, strict=True):
        # A change is told on the watch before its own request is done.
        ends = [min(m.done, following) for m in moves if request.came <= m.came < following]
        if ends:
            yield request.came, max(ends)


def _uncovered(spans: Iterable[Span], since: float, until: float) -> Iterator[Span]:
    """Give what lies in no span between two times."""
    reached = since
    for start, end in sorted(spans):
        if (first := min(start, until)) > reached:
            yield reached, first
        reached = max(reached, end)
    if until > reached:
        yield reached, until
