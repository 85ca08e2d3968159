"""What a profile's own backups and restores say of themselves, in the objects of its operator.

The lines carry the time of their own machine's clock (seconds since 1970); it is brought to the
run's clock by ours, as of when they are asked for.
May import: model, errors, timing, kube, probes.records.
"""

from __future__ import annotations

import time

from seatrial.errors import CannotRun, ToolFailed
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.model import Op, Outcome, Profile, Recorder
from seatrial.probes import records
from seatrial.probes.records import Line
from seatrial.timing import Limit


def back_up(kube: Kube, profile: Profile, pod: Pod, within: Limit) -> Line:
    """Back a member up now and wait for it; gives its line.

    Raises ToolFailed when it fails, CannotRun when what it made holds nothing or the profile
    declares no `recovery`, NotReady when it is not over within the limit.
    """
    line = records.back_up(kube, profile, pod, within)
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


def record(kube: Kube, profile: Profile, space: str, recorder: Recorder) -> None:
    """Write one `backup` Op for each backup of any member."""
    offset = recorder.now() - time.time()
    for line in records.backups(kube, profile, space):
        outcome = Outcome.OK if line["ok"] else Outcome.INFO
        began, ended = float(line["began"]) + offset, float(line["ended"]) + offset
        name = f"backup/{line['ordinal']}"
        recorder.write(Op(name, "backup", outcome, began, ended, line))
