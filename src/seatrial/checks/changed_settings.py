"""config.propagates and config.immutable: what a change of a ConfigMap or Secret does to members.

May import: given, model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.checks.configured import Told, told
from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.turns import Span, blind, bound
from seatrial.given import LIVE, NEVER, Setting, digest, tells
from seatrial.model import History, Json, Op, Standing, Verdict

FAULT = "config-change"
_PROPAGATES, _IMMUTABLE = "config.propagates", "config.immutable"
_WITHIN = 120.0
"""Seconds, when the profile has no bound `within`: a kubelet looks at a pod again after 60 to 90,
and may hear of the change a little late."""
_UNPROCESSABLE = 422
_NOTHING = "nothing that members are given was changed, so nothing was shown"


@dataclass(frozen=True)
class _Case:
    """One setting of one member around one change: what it told before, and while it lasted."""

    history: History
    receipt: Op
    name: str
    setting: Setting
    member: int
    before: Sequence[Told]
    meanwhile: Sequence[Told]

    @property
    def change(self) -> Mapping[str, Any]:
        """What came of the change of the object; empty where nothing was tried."""
        found: Mapping[str, Any] = self.receipt.value["proof"]["objects"].get(self.setting.of, {})
        return found

    @property
    def new(self) -> str:
        """The digest of what it was changed to."""
        return digest(self.setting.to)

    @property
    def shown(self) -> tuple[Op, ...]:
        """The Ops that show what came of it."""
        asked = (one.op for one in (*self.before[-1:], *self.meanwhile[-1:]))
        return self.receipt, *asked

    def finding(self, standing: Standing, reason: str) -> Finding:
        """Conclude, with the Ops that show it."""
        return Finding(standing, reason, self.shown)


def propagates(history: History) -> Verdict:
    """Judge config.propagates: live settings are taken up in time, the others stay.

    Broken by a live setting that a member is not given within the bound `within` (seconds, 120 if
    none is given), or does not tell then, and by one that is to stay until a restart and is
    another one in the same container. Unknown without receipt, where the object refused the
    change, where a member told nothing before or meanwhile or was restarted, where less than the
    bound was watched, and with a gap in the watch of pods. Figures: reached, stayed (settings of
    members), seconds (until each was given, sorted).
    Source: kubernetes.io, ConfigMaps, "Mounted ConfigMaps are updated automatically".
    """
    within = bound(history, _PROPAGATES, "within", _WITHIN)
    cases = [case for case in _cases(history) if case.setting.changes != NEVER]
    live = [case for case in cases if case.setting.changes == LIVE]
    stays = [case for case in cases if case.setting.changes != LIVE]
    found = [_settled_first(case) or _reaches(case, within) for case in live]
    found += [_settled_first(case) or _stays(case, within) for case in stays]
    took = sorted(seconds for case in live if (seconds := _seconds(case)) is not None)
    figures: dict[str, Json] = {
        "reached": len(took),
        "stayed": sum(_same(case) for case in stays),
        "seconds": took,
    }
    praise = (
        f"members took up {len(took)} changed settings at most {max(took, default=0.0):.1f} s "
        f"later, as claimed within {within:g} s, and {figures['stayed']} stayed as they were"
    )
    return settled(_PROPAGATES, found, praise, figures, _NOTHING, unshown(history, FAULT, _NOTHING))


def immutable(history: History) -> Verdict:
    """Judge config.immutable: what says that it is immutable refuses a change, and stays.

    Broken by an object that took the change, and by a member that told another value while the
    change was tried. Unknown without receipt, where it was refused for another reason than that
    it is immutable (HTTP 422), and where a member told nothing before or meanwhile. Figures:
    refused (objects), stayed (settings of members).
    Source: kubernetes.io, ConfigMaps, "Immutable ConfigMaps".
    """
    cases = [case for case in _cases(history) if case.setting.changes == NEVER]
    found = [_refuses(case) for case in cases]
    refused = {case.setting.of for case in cases if case.change.get("code") == _UNPROCESSABLE}
    figures: dict[str, Json] = {
        "refused": sorted(refused),
        "stayed": sum(_same(case) for case in cases),
    }
    praise = f"{', '.join(sorted(refused))} refused to be changed, and members told what they had"
    nothing = "nothing that is immutable was changed, so nothing was shown"
    return settled(_IMMUTABLE, found, praise, figures, nothing, unshown(history, FAULT, _NOTHING))


def undisturbed(history: History, known: Sequence[Told]) -> list[Told]:
    """Give what was told while nothing that members are given was changed by us."""
    spans = [
        (began(history, receipt).index, healed.index if healed else math.inf)
        for receipt in receipts(history, FAULT)
        for healed in [healing(history, receipt)]
    ]
    return [one for one in known if not any(a < one.op.index < b for a, b in spans)]


def _cases(history: History) -> Iterator[_Case]:
    given = history.head.get("profile", {}).get("given") or {"settings": {}}
    settings = {name: Setting(**one) for name, one in given["settings"].items()}
    known = told(history)
    for receipt in receipts(history, FAULT):
        first, last = began(history, receipt).index, _end(history, receipt)
        for member in history.members:
            own = [one for one in known if one.ordinal == member]
            before = [one for one in own if one.op.index < first]
            meanwhile = [one for one in own if receipt.index < one.op.index < last]
            for name, setting in settings.items():
                yield _Case(history, receipt, name, setting, member, before, meanwhile)


def _end(history: History, receipt: Op) -> float:
    """Give the place where a change was over, healed or not."""
    ends = (op for op in history.of("fault") if op.value["fault"] == FAULT)
    over = (op.index for op in ends if op.value["stage"] in {"healed", "stopped"})
    return next((index for index in over if index > receipt.index), math.inf)


def _settled_first(case: _Case) -> Finding | None:
    """Say why a change shows nothing of a setting; None when it can."""
    if not case.change.get("changed"):
        why = case.change.get("said", "nobody tried")
        return case.finding(Standing.UNKNOWN, f"{case.setting.of} was not changed: {why}")
    if why := _untold(case) or _restarted(case):
        return case.finding(Standing.UNKNOWN, why)
    if tells(case.before[-1].settings[case.name], case.new):
        reason = f"member {case.member} had the new {case.name} before the change"
        return case.finding(Standing.UNKNOWN, reason)
    return None


def _untold(case: _Case) -> str:
    """Say when a member did not tell a setting; empty when it did, before and meanwhile."""
    sides = {"before": case.before[-1:], "while it was changed": case.meanwhile[-1:]}
    for when, side in sides.items():
        if not any(case.name in one.settings for one in side):
            return f"member {case.member} told no {case.name} {when}"
    return ""


def _restarted(case: _Case) -> str:
    """Say that a member was started anew meanwhile, or that nobody saw whether it was."""
    before, after = case.before[-1], case.meanwhile[-1]
    span = Span(before.op, after.op)
    if dark := blind(case.history, span, "pod"):
        return dark
    own = [op for op in case.history.of("pod") if op.value["uid"] == before.uid]
    lives = [op for op in own if op.index < before.op.index][-1:]
    lives += [op for op in own if span.has(op)]
    ids = {tuple(sorted(op.value.get("containers", {}).items())) for op in lives}
    if before.uid != after.uid or len(ids) != 1:
        return f"member {case.member} was started anew while its settings were changed"
    return ""


def _reaches(case: _Case, within: float) -> Finding:
    proof = case.receipt.value["proof"]["reached"].get(str(case.member), {}).get(case.name)
    what = f"the changed {case.name} of {case.setting.of}"
    if proof is None:
        return case.finding(Standing.UNKNOWN, f"nobody watched member {case.member} for {what}")
    if (seconds := _seconds(case)) is None:
        watched = float(proof.get("watched", 0.0))
        said = f"member {case.member} was not given {what} in {watched:.1f} s"
        late = watched >= within
        reason = f"{said}, {within:g} s are claimed" if late else f"{said}: {proof.get('said')}"
        return case.finding(Standing.BROKEN if late else Standing.UNKNOWN, reason)
    if seconds > within:
        reason = f"member {case.member} was given {what} after {seconds:.1f} s, not {within:g} s"
        return case.finding(Standing.BROKEN, reason)
    if not tells(case.meanwhile[-1].settings[case.name], case.new):
        reason = f"member {case.member} was given {what}, and told another value afterwards"
        return case.finding(Standing.BROKEN, reason)
    return Finding(Standing.HOLDS, ops=case.shown)


def _stays(case: _Case, within: float) -> Finding:
    if not _same(case):
        reason = (
            f"the setting {case.name} of member {case.member} changed while its container ran, "
            "and is to stay until a restart"
        )
        return case.finding(Standing.BROKEN, reason)
    watched = float(case.receipt.value["proof"].get("watched", 0.0))
    if watched < within and not _accompanied(case):
        reason = f"whether {case.name} of member {case.member} stays was watched for {watched:g} s"
        return case.finding(Standing.UNKNOWN, reason)
    return Finding(Standing.HOLDS, ops=case.shown)


def _accompanied(case: _Case) -> bool:
    """Whether the member was given another change of the same object: this one had its time."""
    reached = case.receipt.value["proof"]["reached"].get(str(case.member), {})
    settings = case.history.head["profile"]["given"]["settings"]
    own = (name for name, one in settings.items() if one["of"] == case.setting.of)
    return any("seconds" in reached.get(name, {}) for name in own)


def _seconds(case: _Case) -> float | None:
    proof = case.receipt.value["proof"]["reached"].get(str(case.member), {}).get(case.name, {})
    return float(proof["seconds"]) if "seconds" in proof else None


def _refuses(case: _Case) -> Finding:
    change, of = case.change, case.setting.of
    if change.get("changed"):
        marked = "says that it is immutable" if change.get("immutable") else "is not immutable"
        reason = f"{of} was changed in place: it {marked}"
        return case.finding(Standing.BROKEN, reason)
    if untold := _untold(case):
        return case.finding(Standing.UNKNOWN, untold)
    if not _same(case):
        reason = f"{of} refused a change, and {case.name} of member {case.member} changed"
        return case.finding(Standing.BROKEN, reason)
    if change.get("code") != _UNPROCESSABLE:
        reason = f"{of} was not changed for another reason: {change.get('said', 'nobody tried')}"
        return case.finding(Standing.UNKNOWN, reason)
    return Finding(Standing.HOLDS, ops=case.shown)


def _same(case: _Case) -> bool:
    told_ = [one.settings.get(case.name) for one in (*case.before[-1:], *case.meanwhile[-1:])]
    return len(told_) == 2 and None not in told_ and told_[0] == told_[1]  # noqa: PLR2004 - a pair
