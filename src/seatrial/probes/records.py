"""Backups and restores as the custom resources of the contract tell them (docs/recovery.md).

May import: model, errors, timing, kube.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import uuid4

from seatrial.errors import CannotRun
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.kube.surroundings import Custom
from seatrial.kube.watch import Stream
from seatrial.model import Profile
from seatrial.timing import Limit, wait

Line = Mapping[str, Any]
_ENDED = ("Complete", "Failed")
_DONE = "Restored"
_RESTORED = "/restored"
"""How the annotation on a volume ends that says what was restored into it; its group is before."""


def back_up(kube: Kube, profile: Profile, pod: Pod, within: Limit) -> Line:
    """Ask for a backup of a member by a Backup object, and wait until it is over; gives its line.

    Raises NotReady when it is not over within the limit.
    """
    space, claim = pod.metadata.namespace, claim_of(profile, pod)
    name = f"asked-{uuid4().hex[:12]}"
    version, plural = _records(profile), f"backups.{_records(profile)}"
    body = {
        "apiVersion": version,
        "kind": "Backup",
        "metadata": {"name": name},
        "spec": {"claim": claim, "reason": "asked for by the trial"},
    }

    def unfinished(stream: Stream) -> str | None:
        found: Custom | None = stream.items(plural).get(name)
        phase = _status(found).get("phase") or "not begun"
        if phase in _ENDED:
            return None
        return f"backup {name} of {claim} is {phase}{_said(stream, plural, claim, but=name)}"

    with Stream(kube, (plural,), space) as stream:
        kube.send("POST", path(profile, space), body)
        wait(stream, unfinished, within)
        return _line(claim, _status(stream.items(plural)[name]))


def restored(kube: Kube, profile: Profile, pod: Pod) -> Line:
    """Say what was restored into a member's volume before it was bound; nothing if none was.

    Raises CannotRun where the member has no claim.
    """
    claim = kube.get(_claims(pod, claim_of(profile, pod)))
    volume = claim["spec"].get("volumeName", "")
    if not volume:
        return {}
    found = kube.get(f"/api/v1/persistentvolumes/{volume}")["metadata"].get("annotations") or {}
    group = _records(profile).partition("/")[0]
    told: dict[str, Any] = json.loads(found.get(f"{group}{_RESTORED}", "{}"))
    return {"ordinal": ordinal(claim["metadata"]["name"]), "volume": volume, **told} if told else {}


def restoring(stream: Stream, profile: Profile, pod: Pod) -> str:
    """Say what the operator says of restores into a member's claim; empty where nobody watches."""
    plural = f"restores.{_records(profile)}"
    return _said(stream, plural, claim_of(profile, pod)) if plural in profile.watch else ""


def backups(kube: Kube, profile: Profile, space: str) -> Iterator[Line]:
    """Give a line for every backup of any claim that is over.

    Of one whose maker died nobody may have written when it began or ended: that is then when it
    was asked for, and now.
    """
    for found in kube.get(path(profile, space))["items"]:
        status = found.get("status") or {}
        if status.get("phase") in _ENDED and ordinal(found["spec"]["claim"]) >= 0:
            asked = datetime.fromisoformat(found["metadata"]["creationTimestamp"]).timestamp()
            times = {"began": asked, "ended": time.time()}
            yield _line(found["spec"]["claim"], {**times, **status})


def path(profile: Profile, space: str, plural: str = "backups") -> str:
    """Give the URL path of the list of a kind of the contract."""
    return f"/apis/{_records(profile)}/namespaces/{space}/{plural}"


def claim_of(profile: Profile, pod: Pod) -> str:
    """Name the claim of a member that is backed up: that of the profile's first template."""
    own = f"{profile.claim_templates[0]}-" if profile.claim_templates else ""
    found = next((name for name in pod.claims if name.startswith(own)), "")
    if not found:
        raise CannotRun(f"a claim of {pod.metadata.name} to back up", seen="it mounts none")
    return found


def ordinal(claim: str) -> int:
    """Give the ordinal that a claim's name ends with, -1 without one."""
    found = re.search(r"-(\d+)$", claim)
    return int(found[1]) if found else -1


def _records(profile: Profile) -> str:
    if profile.recovery is None:
        raise CannotRun(
            f"a way to back {profile.name} up",
            seen="it declares no `recovery`",
            remedy="docs/recovery.md says how; `ledger-xlss` has one",
        )
    return profile.recovery.records


def _claims(pod: Pod, claim: str) -> str:
    return f"/api/v1/namespaces/{pod.metadata.namespace}/persistentvolumeclaims/{claim}"


def _status(found: Custom | None) -> Mapping[str, Any]:
    status: Mapping[str, Any] = (found.status if found else None) or {}
    return status


def _said(stream: Stream, plural: str, claim: str, but: str = "") -> str:
    """Tell the newest that is under way for a claim, or went wrong: `; NAME is PHASE: why`."""
    known: Mapping[str, Custom] = stream.items(plural)
    told = [
        (float(status.get("began", 0)), name, status)
        for name, status in ((name, _status(one)) for name, one in known.items())
        if name != but and known[name].spec.get("claim") == claim
        if status.get("phase") not in {None, "Complete", _DONE}
    ]
    if not told:
        return ""
    _, name, status = max(told, key=itemgetter(0, 1))
    return f"; {name} is {status['phase']}: {status.get('message') or 'it says nothing more'}"


def _line(claim: str, status: Mapping[str, Any]) -> Line:
    ok = status["phase"] == "Complete"
    empty = {"snapshot": "", "files": 0, "bytes": 0, "watermark": {}, "began": 0.0, "ended": 0.0}
    told = {**empty, **{key: status[key] for key in empty if key in status}}
    return {"ordinal": ordinal(claim), **told, "ok": ok, "note": status.get("message", "")}
