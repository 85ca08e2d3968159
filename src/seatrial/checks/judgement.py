"""What a judge concludes that judges more than one guarantee, and the small words all of them use.

Beside the histories' own package, which needs numpy: whoever counts runs does not wait for it.
May import: errors, model, ranks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.errors import BadHistory
from seatrial.model import Json, Standing, Verdict
from seatrial.ranks import nearest

_NAMED = 20
"""How many anomalies are told one by one; the rest are counted."""


@dataclass(frozen=True)
class Anomaly:
    """One thing that contradicts a promise.

    `name` is a word of the judge's own list, `reason` a sentence; `shown` are the indexes of the
    Ops that show it.
    """

    name: str
    reason: str
    shown: tuple[int, ...] = ()


@dataclass(frozen=True)
class Gap:
    """One thing that keeps anybody from judging a promise, told as of an Anomaly."""

    reason: str
    shown: tuple[int, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What one judge concluded: a Verdict but for the guarantee's id, and the anomalies found.

    `shown` are places in the judged history, those that say most first: of a register or a model
    that is broken, the operations that conflict, then those that bear witness.
    """

    standing: Standing
    reason: str
    shown: tuple[int, ...] = ()
    figures: Mapping[str, Json] = field(default_factory=dict)
    anomalies: tuple[Anomaly, ...] = ()

    def verdict(self, guarantee: str) -> Verdict:
        """Give it as the Verdict on one guarantee."""
        return Verdict(guarantee, self.standing, self.reason, self.shown, self.figures)


def judged(
    found: Iterable[Anomaly], gaps: Iterable[Gap], praise: str, figures: Mapping[str, Json]
) -> Judgement:
    """Conclude: any anomaly is broken, else any gap is unknown, else it holds, for `praise`.

    The first of each is the reason. Figures gain `anomalies`, how many there are by name.
    """
    found = tuple(found)
    told = {**figures, "anomalies": dict(Counter(one.name for one in found))}
    if found:
        reason = f"{found[0].name}: {found[0].reason}{_more(found)}"
        return Judgement(Standing.BROKEN, reason, found[0].shown, told, found[:_NAMED])
    for gap in gaps:
        return Judgement(Standing.UNKNOWN, gap.reason, gap.shown, told)
    return Judgement(Standing.HOLDS, praise, (), told)


def unless_bad(judge: Callable[[], Judgement]) -> Judgement:
    """Let a history that breaks its own rules be unknown, with the sentence that says which.

    >>> def judge() -> Judgement:
    ...     raise BadHistory("a whole last line")
    >>> unless_bad(judge).standing
    <Standing.UNKNOWN: 'unknown'>
    """
    try:
        return judge()
    except BadHistory as error:
        return Judgement(Standing.UNKNOWN, f"the history cannot be judged: {error}")


def _more(found: Sequence[Anomaly]) -> str:
    return f" (and {len(found) - 1} more anomalies)" if len(found) > 1 else ""


def is_plain(value: Json) -> bool:
    """Tell whether a value is a whole number or a text: what keys and elements may be."""
    return type(value) is int or type(value) is str


def is_number(value: Json) -> bool:
    """Tell whether a value is a whole number, and no truth value."""
    return type(value) is int


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Give the least, the middle, the 95th and 99th of a hundred and the most; none of none."""
    ranked = sorted(values)
    places = {"min": 0.0, "p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(nearest(ranked, share), 6) for name, share in places.items() if ranked}
