"""The actions and probes that an experiment file may name; all they see goes into the History.

Each waits for what it is named after, up to `within` seconds, and fails with the last difference
seen. Receipts and facts are returned, so that Chaos Toolkit's journal holds them too.
A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from seatrial.chaos.session import KEY, Session
from seatrial.errors import CannotRun, NotReady
from seatrial.faults.undo import fenced
from seatrial.kube.objects import Pod
from seatrial.kube.watch import Stream
from seatrial.model import Outcome
from seatrial.timing import Limit, factor, wait

__all__ = [
    "acknowledging", "back_up", "cleared", "fence", "heal", "lose_node", "rescheduled",
    "restored", "serving",
]  # fmt: skip

Configuration = Mapping[str, Any]
Ordinal = Annotated[int, Field(ge=0)]
Ordinals = Annotated[list[Ordinal], Field(min_length=1)]
_DEAD = ("exited", "absent")
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


def acknowledging(ordinals: Ordinals, within: Seconds, configuration: Configuration) -> bool:
    """Whether each of these members acknowledges a new write within so many seconds."""
    return _acknowledged(_session(configuration), ordinals, within)


def back_up(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> dict[str, Any]:
    """Have a member backed up now, and wait until that backup is complete."""
    session = _session(configuration)
    began = session.live.recorder.now()
    backup = session.live.back_up(ordinal, _limit("a backup is complete", within))
    session.stage("backup", ordinal, began, {"snapshot": backup["snapshot"]})
    return dict(backup)


def lose_node(ordinal: Ordinal, configuration: Configuration) -> dict[str, Any]:
    """Kill the node that runs a member and remove it with its disk; returns the receipt."""
    session = _session(configuration)
    session.live.phase("fault")
    return dict(session.lose("node-lost", ordinal))


def fence(ordinal: Ordinal, configuration: Configuration) -> dict[str, Any]:
    """Say that the member's lost node is out of service; refused unless it is dead by now, too.

    Source: kubernetes.io, "Non-graceful node shutdown": never on a machine that may still run.
    """
    session = _session(configuration)
    name = session.receipt(ordinal)["node"]
    status = session.live.scene.nodes[name].state().status
    if status not in _DEAD:
        raise CannotRun(
            f"node {name}, which was lost, to be dead before it is declared out of service",
            seen=f"it is {status}: somebody brought it back in the middle",
        )
    return {"node": name, "taint": fenced(session.live.alive.kube, name)}


def cleared(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until the dead member's pod, its claims and their volumes are gone."""
    session = _session(configuration)
    lost = session.receipt(ordinal)
    claims, volumes = lost["claims"], lost["volumes"]

    def left(stream: Stream) -> str | None:
        pod = stream.items("pods").get(lost["pod"])
        there = [lost["pod"]] if pod and pod.metadata.uid == lost["uid"] else []
        there += _same(stream, "persistentvolumeclaims", claims)
        there += _same(stream, "persistentvolumes", volumes)
        return f"{', '.join(there)} still there" if there else None

    gone = {"pod": lost["pod"], "claims": list(claims), "volumes": list(volumes)}
    return _stage(session, "cleared", ordinal, left, within, "lost", gone)


def rescheduled(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until a new pod of the ordinal has a node, another than the lost one."""
    session = _session(configuration)
    lost = session.receipt(ordinal)

    def homeless(stream: Stream) -> str | None:
        pod = _new(stream, lost)
        if pod is None:
            session.live.scene.replicated()
            return f"no new pod {lost['pod']} yet"
        return None if pod.spec.node_name else f"{lost['pod']} has no node: {pod.trouble}"

    return _stage(session, "rescheduled", ordinal, homeless, within, "cleared")


def restored(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until the new pod's init container has restored a snapshot and the member starts."""
    session = _session(configuration)
    lost = session.receipt(ordinal)

    def empty(stream: Stream) -> str | None:
        pod = _new(stream, lost)
        if pod is None:
            session.live.scene.replicated()
            return f"no new pod {lost['pod']} yet"
        started = pod.status.phase == "Running"
        return None if started else f"{lost['pod']} is {pod.status.phase}: {pod.trouble}"

    begun = session.since.get("rescheduled", session.live.recorder.now())
    wait(session.live.alive.stream, empty, _limit("a snapshot is restored", within))
    told = session.live.restored(ordinal)
    if not told:
        note = f"{lost['pod']} started, and nothing was restored"
        session.stage("restored", ordinal, begun, {"note": note}, Outcome.FAIL)
        raise CannotRun("a snapshot that was restored before the member started", seen=note)
    session.stage("restored", ordinal, begun, told)
    return True


def serving(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until the member is Ready and acknowledges a write under its own name."""
    session = _session(configuration)
    lost = session.receipt(ordinal)

    def unready(stream: Stream) -> str | None:
        pod = _new(stream, lost)
        if pod is None or not pod.ready:
            return f"{lost['pod']} is not Ready: {pod.trouble if pod else 'no pod'}"
        return None

    begun = session.since.get("restored", session.live.recorder.now())
    wait(session.live.alive.stream, unready, _limit("the member serves", within))
    if not _acknowledged(session, [ordinal], within):
        raise CannotRun(f"writes that {lost['pod']} acknowledges", seen=session.unmet[-1])
    pod = _new(session.live.alive.stream, lost)
    facts = {"pod": lost["pod"], "uid": pod.metadata.uid, "node": pod.spec.node_name} if pod else {}
    session.stage("serving", ordinal, begun, facts)
    return True


def heal(configuration: Configuration) -> list[int]:
    """Heal whatever this experiment broke; gives the ordinals. Nothing broken is fine."""
    session: Session | None = configuration.get(KEY)
    return session.heal() if session else []


def _session(configuration: Configuration) -> Session:
    session: Session | None = configuration.get(KEY)
    if session is None:
        raise CannotRun(
            "a trial to act in",
            seen="the experiment has no control seatrial.chaos.control, or it could not begin",
            remedy="copy the `controls` of experiments/node-loss.yaml",
        )
    return session


def _acknowledged(session: Session, ordinals: list[int], within: float) -> bool:
    try:
        session.live.load(ordinals, _limit("members acknowledge", within))
    except NotReady as late:
        session.unmet.append(late.seen)
        return False
    return True


def _limit(name: str, within: float) -> Limit:
    return Limit(name, within * factor())


def _stage(
    session: Session,
    name: str,
    ordinal: int,
    difference: Callable[[Stream], str | None],
    within: float,
    after: str,
    facts: Mapping[str, Any] | None = None,
) -> bool:
    begun = session.since.get(after, session.live.recorder.now())
    wait(session.live.alive.stream, difference, _limit(f"stage {name}", within))
    pod = _new(session.live.alive.stream, session.receipt(ordinal))
    came = {"uid": pod.metadata.uid, "node": pod.spec.node_name} if pod else {}
    session.stage(name, ordinal, begun, facts or came)
    return True


def _new(stream: Stream, lost: Mapping[str, Any]) -> Pod | None:
    pod: Pod | None = stream.items("pods").get(lost["pod"])
    return pod if pod and pod.metadata.uid != lost["uid"] else None


def _same(stream: Stream, kind: str, uids: Mapping[str, str]) -> list[str]:
    found = stream.items(kind)
    return [name for name, uid in uids.items() if name in found and found[name].metadata.uid == uid]
