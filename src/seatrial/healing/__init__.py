"""Putting right what a run that died left broken: by its undo journal, then by looking.

The journal says what to do; the scan finds what no entry tells of (nodes of our clusters that
stand still or are lost, what stands still in them, our taints and cordons). What a run that lives
has broken is its own to heal, and nothing that we did not make is touched.
May import: cluster, faults, kube, model, errors, command, places, progress, timing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock

from seatrial.cluster import kind, machines, records
from seatrial.cluster.proof import opened
from seatrial.errors import CannotRun
from seatrial.faults.journal import Entry, Journal, Owner
from seatrial.faults.undo import Reach, undone
from seatrial.healing.guard import watched
from seatrial.healing.mends import FAILED, HEALED, LEFT, Healing, Mend, unhealed, untried
from seatrial.healing.scan import scanned, still_unready
from seatrial.kube.client import connect
from seatrial.progress import Progress
from seatrial.timing import limit, wait

__all__ = [
    "FAILED",
    "HEALED",
    "LEFT",
    "Healing",
    "Mend",
    "heal",
    "heal_of",
    "reach",
    "settle",
    "watched",
]

Find = Callable[[Entry, Progress], Reach]


def heal(progress: Progress, *, force: bool = False) -> Healing:
    """Undo the open faults of runs that died, then look for what no entry tells of.

    With `force` also those of runs that live. Doing it again does nothing more.
    """
    journal = Journal()
    with _alone(journal):
        entries, strange = journal.read()
        bad = [
            untried(str(p), CannotRun("an entry of the journal", seen=strange[p])) for p in strange
        ]
        undone_now = [
            _mend(entry, journal, progress, reach, force=force) for entry in entries[::-1]
        ]
        return Healing((*bad, *undone_now, *scanned(journal, progress)))


def heal_of(owner: Owner, progress: Progress, find: Find | None = None) -> Healing:
    """Undo the open faults of one process that has ended, the newest first."""
    return _healed(lambda entry: entry.owner == owner, progress, find or reach)


def settle(cluster: str, progress: Progress) -> Healing:
    """Close what runs that died left open on a cluster that is down: it went with the nodes."""
    return _healed(lambda entry: entry.cluster == cluster, progress, reach)


def reach(entry: Entry, progress: Progress) -> Reach:
    """Give what an entry's steps act on; nothing when its cluster is gone or was made anew.

    Raises CannotRun when its engine does not run, BadInput when its kubeconfig cannot be read.
    """
    record = records.load(entry.cluster) if entry.cluster else None
    if record and record.provider == "kind":
        if record.state != records.READY:
            return Reach()
        if kind.reachable(record) is None:
            raise CannotRun(
                f"the engine that {record.name} runs in",
                seen="it does not answer, so all nodes ended with it",
                remedy=f"`seatrial cluster up --name {record.name}`, then `seatrial heal` again",
            )
        found = records.cluster(record)
        return Reach(machines(found, progress), found.connect())
    path = Path(entry.kubeconfig)
    return Reach(kube=connect(path, entry.context)) if path.is_file() else Reach()


def _healed(wanted: Callable[[Entry], bool], progress: Progress, find: Find) -> Healing:
    journal = Journal()
    with _alone(journal):
        those = [entry for entry in journal.read()[0] if wanted(entry)]
        return Healing(tuple(_mend(e, journal, progress, find) for e in those[::-1]))


def _unreadable(why: str) -> CannotRun:
    return CannotRun(
        "an entry of the undo journal",
        seen=why,
        remedy="if its run is long over and `seatrial cluster list` is well: remove the file",
    )


def _mend(
    entry: Entry, journal: Journal, progress: Progress, find: Find, *, force: bool = False
) -> Mend:
    what = entry.sentence
    if entry.owner.alive and not force:
        said = f"its run lives (process {entry.owner.pid}) and heals it itself"
        return Mend(what, LEFT, said)
    try:
        found = find(entry, progress)
    except Exception as error:  # noqa: BLE001 - the other entries must be healed all the same
        return untried(what, error)
    try:
        with progress.step(f"healing {what}", 20):
            did = undone(entry, found)
            _until_ready(entry, found)
            journal.close(entry)
    except Exception as error:  # noqa: BLE001 - as above
        return unhealed(what, error)
    return Mend(what, HEALED, "; ".join(did) or "there was nothing (any more) to undo")


def _until_ready(entry: Entry, found: Reach) -> None:
    named = {entry.node, *(step.node for step in entry.undo)} & {*found.nodes}
    if found.kube is None or not named:
        return
    since = {name: found.nodes[name].state().started for name in sorted(named)}
    with closing(opened(found.kube)) as stream:
        wait(stream, still_unready(since), limit("node is back"))


@contextmanager
def _alone(journal: Journal) -> Iterator[None]:
    """Let nobody else heal meanwhile: a person and a watchdog may come at the same time."""
    journal.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(journal.folder / ".lock"):
        journal.sweep()
        yield
