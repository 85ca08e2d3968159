"""Looking for what no entry of the journal tells of, in the clusters that we made.

May import: cluster, faults, kube, model, errors, progress, timing, healing.mends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

from seatrial.cluster import kind, machines, nodes, records
from seatrial.cluster.proof import opened
from seatrial.cluster.records import Made, Record
from seatrial.faults import cordons, keepsakes
from seatrial.faults.journal import Journal
from seatrial.faults.scene import unready
from seatrial.faults.undo import (
    of_ours,
    put_right,
    reconnected,
    released,
    relieved,
    revived,
    straightened,
    unbarred,
    unmounted,
    untainted,
)
from seatrial.healing.mends import HEALED, LEFT, Mend, unhealed, untried
from seatrial.kube.watch import Stream
from seatrial.machine import Node
from seatrial.progress import Progress
from seatrial.timing import limit, wait


def scanned(journal: Journal, progress: Progress) -> list[Mend]:
    """Look at every cluster that we made; put right what stands still, is lost, cut or closed."""
    mends: list[Mend] = []
    for name in records.names():
        try:
            record = records.load(name)
            if record and record.provider == "kind" and record.state == records.READY:
                mends += _cluster(record, journal, progress)
        except Exception as error:  # noqa: BLE001 - the other clusters must be looked at, too
            mends.append(untried(name, error))
    return mends


def _cluster(record: Record, journal: Journal, progress: Progress) -> Iterator[Mend]:
    engine = kind.reachable(record)
    if engine is None:
        said = "its engine does not run, and its nodes ended with it; `seatrial cluster up`"
        yield Mend(record.name, LEFT, said)
        return
    if records.busy(record.name):
        yield Mend(record.name, LEFT, "another seatrial is at work on it")
        return
    there = {found.id: found for found in nodes.of_cluster(engine, record.name)}
    now = kind.standing(record, tuple(there.values()))
    if now.word == kind.FOREIGN:
        yield Mend(record.name, LEFT, now.why)
        return
    still = [made for made in record.nodes if not _runs(there, made)]
    if any(made.role == "control-plane" and made.container not in there for made in still):
        said = (
            f"its control plane is gone; `seatrial cluster up --name {record.name}` makes it anew"
        )
        yield Mend(record.name, LEFT, said)
        return
    # Read after the look: whoever broke a node since then has written it down before.
    held = _held(journal, record.name)
    yield from _started(record, [made for made in still if made.name not in held], progress)
    running = [made for made in record.nodes if made not in still and made.name not in held]
    yield from _let_go_on(record, running, progress)
    yield from _opened(record, held)
    yield from _given_back(record, journal)


def _runs(there: Mapping[str, nodes.Container], made: Made) -> bool:
    return made.container in there and there[made.container].running


def _held(journal: Journal, cluster: str) -> set[str]:
    """Name the nodes that a run which lives has broken, or may be about to break."""
    living = [e for e in journal.read()[0] if e.cluster == cluster and e.owner.alive]
    return {step.node for entry in living for step in entry.undo} | {e.node for e in living}


def _started(record: Record, still: list[Made], progress: Progress) -> Iterator[Mend]:
    """Start by address: the engine hands them out anew in the order of starting."""
    found = machines(records.cluster(record), progress)
    back: list[Node] = []
    for made in sorted(still, key=lambda made: [int(n) for n in made.address.split(".") if n]):
        try:
            with progress.step(f"starting {made.name}", 15):
                said = put_right(found[made.name])
        except Exception as error:  # noqa: BLE001 - the other nodes must be started, too
            yield unhealed(made.name, error)
        else:
            back.append(found[made.name])
            yield Mend(made.name, HEALED, said or "it runs")
    if back:
        yield from _unready(record, back)


def _let_go_on(record: Record, running: list[Made], progress: Progress) -> Iterator[Mend]:
    """Look into every node that runs, for our rules and for what stands still: it looks well."""
    found = machines(records.cluster(record), progress)
    back: list[Node] = []
    for made in running:
        try:
            node = found[made.name]
            acts = (reconnected, unbarred, straightened, revived, released, relieved, unmounted)
            said = "; ".join(filter(None, (act(node) for act in acts)))
        except Exception as error:  # noqa: BLE001 - the other nodes must be looked at, too
            yield unhealed(made.name, error)
            continue
        if said:
            back.append(found[made.name])
            yield Mend(made.name, HEALED, said)
    if back:
        yield from _unready(record, back)


def _unready(record: Record, back: list[Node]) -> Iterator[Mend]:
    since = {node.name: node.state().started for node in back}
    try:
        with closing(opened(records.cluster(record).connect())) as stream:
            wait(stream, still_unready(since), limit("node is back"))
    except Exception as error:  # noqa: BLE001 - told, not raised: the rest must be looked at
        yield unhealed(record.name, error)


def still_unready(since: Mapping[str, float]) -> Callable[[Stream], str | None]:
    """Give what says which of these nodes is not Ready by its kubelet's word given since then."""

    def differs(seen: Stream) -> str | None:
        there = seen.items("nodes")
        said = (unready(name, there.get(name), start) for name, start in since.items())
        return next(filter(None, said), None)

    return differs


def _given_back(record: Record, journal: Journal) -> Iterator[Mend]:
    """Look for what we took away and keep a copy of, unless a run that lives keeps some."""
    living = [e for e in journal.read()[0] if e.cluster == record.name and e.owner.alive]
    if any(step.do == "give-back" for entry in living for step in entry.undo):
        return
    kube = records.cluster(record).connect()
    for plural in keepsakes.KINDS:
        if said := keepsakes.given_back(kube, f"/api/v1/{plural}"):
            yield Mend(record.name, HEALED, said)


def _opened(record: Record, held: set[str]) -> Iterator[Mend]:
    """Look for our taints and our cordons on every Node object."""
    kube = records.cluster(record).connect()
    for node in kube.get("/api/v1/nodes")["items"]:
        name = node["metadata"]["name"]
        ours = any(map(of_ours, node.get("spec", {}).get("taints") or []))
        if ours and name not in held:
            yield Mend(name, HEALED, untainted(kube, name))
        if cordons.of_ours(node) and name not in held:
            yield Mend(name, HEALED, cordons.uncordoned(kube, name))
