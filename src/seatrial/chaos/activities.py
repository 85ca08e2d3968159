"""The actions and probes that an experiment file may name; all they see goes into the History.

Each waits for what it is named after, up to `within` seconds, and fails with the last difference
seen. Receipts and facts are returned, so that Chaos Toolkit's journal holds them too.
A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from seatrial.chaos import metrics
from seatrial.chaos.hitting import cause, mend, silent, steady
from seatrial.chaos.session import KEY, Session, session_of
from seatrial.chaos.signatures import Configuration, Ordinal, Ordinals, Seconds
from seatrial.checks.measures import Bounds
from seatrial.errors import CannotRun, NotReady
from seatrial.faults.undo import OUT_OF_SERVICE
from seatrial.kube.objects import Machine, Pod
from seatrial.kube.volumes import Claim
from seatrial.kube.watch import Stream
from seatrial.model import Outcome
from seatrial.probes import records
from seatrial.timing import Limit, factor, wait

__all__ = [
    "acknowledging", "back_up", "cause", "cleared", "fence", "gone", "heal", "kill_node",
    "lose_node", "measured", "mend", "moved", "out_of_service", "rescheduled", "restored",
    "serving", "silent", "steady", "unreachable",
]  # fmt: skip

UNREACHABLE = "node.kubernetes.io/unreachable"
"""Source: kubernetes.io, "Taints and Tolerations", taint based evictions."""
Query = Annotated[str, Field(min_length=1)]
Bound = Annotated[float | None, Field(allow_inf_nan=False)]


def acknowledging(ordinals: Ordinals, within: Seconds, configuration: Configuration) -> bool:
    """Whether each of these members acknowledges a new write within so many seconds."""
    return _acknowledged(session_of(configuration), ordinals, within)


def measured(
    query: Query,
    within: Seconds,
    configuration: Configuration,
    at_least: Bound = None,
    at_most: Bound = None,
    ordinals: Ordinals | None = None,
) -> bool:
    """Whether each value of a Prometheus query is within the bounds in so many seconds.

    No data is no success, nor is a member (of `ordinals`, all by default) that was not scraped.
    """
    session = session_of(configuration)
    bounds, members = Bounds(at_least, at_most), ordinals or session.live.everybody
    return metrics.held(session, query, bounds, members, _limit("the query is steady", within))


def back_up(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> dict[str, Any]:
    """Have a member backed up now, and wait until that backup is complete."""
    session = session_of(configuration)
    began = session.live.recorder.now()
    backup = session.live.back_up(ordinal, _limit("a backup is complete", within))
    session.stage("backup", ordinal, began, {"snapshot": backup["snapshot"]})
    return dict(backup)


def lose_node(ordinal: Ordinal, configuration: Configuration) -> dict[str, Any]:
    """Kill the node that runs a member and remove it with its disk; returns the receipt."""
    session = session_of(configuration)
    return dict(session.lose("node-lost", ordinal))


def fence(ordinal: Ordinal, configuration: Configuration) -> dict[str, Any]:
    """Say that the member's lost node is out of service; refused unless it is dead by now, too.

    Source: kubernetes.io, "Non-graceful node shutdown": never on a machine that may still run.
    """
    return dict(session_of(configuration).fence(ordinal))


def kill_node(ordinal: Ordinal, configuration: Configuration) -> dict[str, Any]:
    """End the node that runs a member at once; its disk stays. Returns the receipt."""
    session = session_of(configuration)
    return dict(session.kill(ordinal))


def unreachable(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until Kubernetes has noticed that the member's node is dead, and evicts from it."""
    return _tainted(session_of(configuration), "unreachable", ordinal, UNREACHABLE, within)


def out_of_service(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until the fence of the member's node is seen."""
    return _tainted(session_of(configuration), "fenced", ordinal, OUT_OF_SERVICE, within)


def gone(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until the dead member's stuck pod is gone; its claims and volumes stay."""
    session = session_of(configuration)
    lost = session.receipt(ordinal)

    def there(stream: Stream) -> str | None:
        pod: Pod | None = stream.items("pods").get(lost["pod"])
        stuck = pod is not None and pod.metadata.uid == lost["uid"]
        return f"{lost['pod']} is still there: {pod.trouble}" if stuck and pod else None

    wait(session.live.alive.stream, there, _limit("the stuck pod is gone", within))
    session.observed(ordinal, "cleared")
    return True


def moved(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until a new pod of the ordinal has another node, with the same claims and volumes."""
    session = session_of(configuration)
    lost = session.receipt(ordinal)
    wait(
        session.live.alive.stream, _homeless(session, lost), _limit("the member has a node", within)
    )
    session.observed(ordinal, "recreated", "rescheduled")
    pod, had = _new(session.live.alive.stream, lost), session.mounts(ordinal)
    if pod is None or pod.spec.node_name == lost["node"]:
        raise CannotRun(f"{lost['pod']} on another node than {lost['node']}", seen="it is not")
    for kind, uids in had.items():
        if uids != lost[kind]:
            raise CannotRun(f"the {kind} that {lost['pod']} had: {lost[kind]}", seen=str(uids))
    return True


def cleared(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until the dead member's pod, its claims and their volumes are gone."""
    session = session_of(configuration)
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
    session = session_of(configuration)
    lost = session.receipt(ordinal)

    return _stage(session, "rescheduled", ordinal, _homeless(session, lost), within, "cleared")


def restored(ordinal: Ordinal, within: Seconds, configuration: Configuration) -> bool:
    """Wait until the new pod's volume was filled from a snapshot and the member starts."""
    session = session_of(configuration)
    lost = session.receipt(ordinal)

    def empty(stream: Stream) -> str | None:
        pod = _new(stream, lost)
        if pod is None:
            session.live.scene.replicated()
            return f"no new pod {lost['pod']} yet"
        if pod.status.phase == "Running":
            return None
        why = pod.trouble + records.restoring(stream, session.live.job.profile, pod)
        return f"{lost['pod']} is {pod.status.phase}: {why}"

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
    session = session_of(configuration)
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
    if ordinal in session.moving:
        session.observed(ordinal, "serving")
    else:
        session.stage("serving", ordinal, begun, facts)
    return True


def heal(configuration: Configuration) -> list[int]:
    """Heal whatever this experiment broke; gives the ordinals. Nothing broken is fine."""
    session: Session | None = configuration.get(KEY)
    return session.heal() if session else []


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
    lost = session.receipt(ordinal)
    stream = session.live.alive.stream
    node = (pod.spec.node_name or _chosen(stream, pod, lost)) if pod else ""
    came = {"uid": pod.metadata.uid, "node": node} if pod else {}
    session.stage(name, ordinal, begun, facts or came)
    return True


def _tainted(session: Session, stage: str, ordinal: int, key: str, within: float) -> bool:
    node = session.receipt(ordinal)["node"]

    def free(stream: Stream) -> str | None:
        found: Machine | None = stream.items("nodes").get(node)
        taints = found.spec.taints if found else []
        there = any(taint.key == key and taint.effect == "NoExecute" for taint in taints)
        return None if there else f"node {node} has no taint {key}:NoExecute"

    wait(session.live.alive.stream, free, _limit(f"stage {stage}", within))
    session.observed(ordinal, stage)
    return True


def _homeless(session: Session, lost: Mapping[str, Any]) -> Callable[[Stream], str | None]:
    def homeless(stream: Stream) -> str | None:
        pod = _new(stream, lost)
        if pod is None:
            session.live.scene.replicated()
            return f"no new pod {lost['pod']} yet"
        chosen = pod.spec.node_name or _chosen(stream, pod, lost)
        return None if chosen else f"{lost['pod']} has no node: {pod.trouble}"

    return homeless


def _chosen(stream: Stream, pod: Pod, lost: Mapping[str, Any]) -> str:
    """Give the node that was chosen for a pod which waits there for the volume of a new claim."""
    there: Mapping[str, Claim] = stream.items("persistentvolumeclaims")
    new = [there[c] for c in pod.claims if c in there]
    return next((c.selected for c in new if c.metadata.uid not in lost["claims"].values()), "")


def _new(stream: Stream, lost: Mapping[str, Any]) -> Pod | None:
    pod: Pod | None = stream.items("pods").get(lost["pod"])
    return pod if pod and pod.metadata.uid != lost["uid"] else None


def _same(stream: Stream, kind: str, uids: Mapping[str, str]) -> list[str]:
    found = stream.items(kind)
    return [name for name, uid in uids.items() if name in found and found[name].metadata.uid == uid]
