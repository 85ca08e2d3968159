"""What a profile's own backups and restores say of themselves, asked by its `recovery`.

The lines carry the time of their own machine's clock (seconds since 1970); it is brought to the
run's clock by ours, as of when they are asked for.
May import: model, errors, timing, kube, probes.records.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.errors import CannotRun, ToolFailed
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.model import Op, Outcome, Profile, Recorder
from seatrial.probes import records
from seatrial.recovery import Recovery
from seatrial.timing import Limit, limit

Line = Mapping[str, Any]
_KEYS = ("ordinal", "snapshot", "watermark", "began", "ended", "ok")
"""What the line of a backup says at least."""


def back_up(kube: Kube, profile: Profile, pod: Pod, within: Limit) -> Line:
    """Back a member up now and wait for it; gives its line.

    Raises ToolFailed when it fails, CannotRun when what it made holds nothing.
    """
    how = _how(profile)
    line = (
        records.back_up(kube, profile, pod, within)
        if how.records
        else _line(_run(kube, how, pod, how.back_up, within))
    )
    if not line["ok"] or not line["snapshot"]:
        note = line.get("note") or "it does not say why"
        raise ToolFailed(f"a complete backup of {pod.metadata.name}", seen=str(note))
    empty = [key for key in ("files", "bytes") if line.get(key) == 0]
    empty += ["watermark"] if profile.client and not line["watermark"] else []
    if empty:
        raise CannotRun(
            f"a backup of {pod.metadata.name} that holds what was acknowledged",
            seen=f"snapshot {line['snapshot']} is empty: {', '.join(f'no {e}' for e in empty)}",
        )
    return line


def restored(kube: Kube, profile: Profile, pod: Pod) -> Line:
    """Say what the last restore of this member brought, at least `snapshot`; nothing if none was.

    Raises ToolFailed when it cannot be asked, or answers with something else.
    """
    how = _how(profile)
    if how.records:
        return records.restored(kube, profile, pod)
    said = _run(kube, how, pod, how.restored, limit("command in a container"))
    return _line(said, ("snapshot",)) if said.strip() else {}


def record(kube: Kube, profile: Profile, pod: Pod, recorder: Recorder) -> None:
    """Write one `backup` Op for each backup of any member; any member's container can be asked."""
    how = _how(profile)
    if how.records:
        lines = records.backups(kube, profile, pod.metadata.namespace)
    else:
        lines = _lines(_run(kube, how, pod, how.backups, limit("command in a container")))
    offset = recorder.now() - time.time()
    for line in lines:
        outcome = Outcome.OK if line["ok"] else Outcome.INFO
        began, ended = float(line["began"]) + offset, float(line["ended"]) + offset
        name = f"backup/{line['ordinal']}"
        recorder.write(Op(name, "backup", outcome, began, ended, line))


def _how(profile: Profile) -> Recovery:
    if profile.recovery is None:
        raise CannotRun(
            f"a way to back {profile.name} up",
            seen="it declares no `recovery`",
            remedy="docs/add-a-profile.md says how; `ledger-recovery` has one",
        )
    return profile.recovery


def _run(kube: Kube, how: Recovery, pod: Pod, argv: tuple[str, ...], within: Limit) -> str:
    return kube.run(pod.metadata.namespace, pod.metadata.name, how.container, argv, within)


def _lines(said: str) -> Iterator[Line]:
    return (_line(line) for line in said.splitlines() if line.strip())


def _line(said: str, wanted: Sequence[str] = _KEYS) -> Line:
    try:
        found: Line = json.loads(said)
        missing = [key for key in wanted if key not in found]
    except (ValueError, TypeError):
        raise ToolFailed("a line of JSON about a backup", seen=said[:300]) from None
    if not isinstance(found, dict) or missing:
        raise ToolFailed(f"a JSON object with {', '.join(wanted)}", seen=said[:300])
    return found
