"""config.survives-drift: whatever becomes of a pod, the next one is given what it was given.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.checks.changed_settings import undisturbed
from seatrial.checks.configured import Told, told
from seatrial.checks.drifts import drifts, no_receipt
from seatrial.checks.findings import Finding, settled
from seatrial.model import History, Json, Standing, Verdict

_SURVIVES = "config.survives-drift"


def survives_drift(history: History) -> Verdict:
    """Judge config.survives-drift: an ordinal tells the same settings all the time.

    Settings are what a pod is given by files, variables, Secrets and what is generated at its
    start; the profile's question `config` tells them. Broken by an ordinal that told another one,
    or one fewer or more; what is told while a fault has them changed does not count. Unknown
    without a receipt for each planned fault, without settings, and without an answer on both sides
    of each drift. Figures: answers, drifts, settings (names).
    Source: kubernetes.io, "ConfigMaps", "Secrets"; "Images" (a container's own layer goes with it).
    """
    known = [one for one in undisturbed(history, told(history)) if one.settings]
    names = sorted({name for one in known for name in one.settings})
    figures: dict[str, Json] = {
        "answers": len(known),
        "drifts": len(drifts(history)),
        "settings": names,
    }
    shown = Finding(Standing.HOLDS, ops=tuple(one.op for one in known))
    found = [*_changed(known), *_unshown(history, known), shown]
    praise = f"{', '.join(names)} were the same across {figures['drifts']} drifts"
    return settled(_SURVIVES, found, praise, figures)


def _changed(known: Sequence[Told]) -> Iterator[Finding]:
    first: dict[int, Told] = {}
    for one in known:
        was = first.setdefault(one.ordinal, one)
        for name in sorted({*was.settings, *one.settings}):
            before, now = was.settings.get(name), one.settings.get(name)
            if before != now:
                reason = f"the setting `{name}` of {one.pod} is {now!r}, was {before!r}"
                yield Finding(Standing.BROKEN, reason, (was.op, one.op))


def _unshown(history: History, known: Sequence[Told]) -> Iterator[Finding]:
    if absent := no_receipt(history):
        yield Finding(Standing.UNKNOWN, absent)
    if not drifts(history):
        yield Finding(Standing.UNKNOWN, "no drift was caused, so nothing was shown")
    for drift in drifts(history):
        for side, shows in {"before": drift.before, "after": drift.after}.items():
            if not any(shows(one.op) for one in known):
                reason = f"no settings were told {side} {drift.name}"
                yield Finding(Standing.UNKNOWN, reason, (drift.receipt,))
