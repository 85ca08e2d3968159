"""The power is cut under the member's disk: what it wrote and did not sync is gone.

Ending a process, a pod or a node's container leaves the host's page cache as it was. Here the file
system remembers, for each file, what it was when it was last synced, gives it back at once, lets
nothing through any more, and the member's process is ended by SIGKILL; it starts on what is left.
Names are kept, as by a journal: what is lost is what was in the files.
Source: fsync(2); Jepsen, `lazyfs`; Rebello et al., "Can Applications Recover from fsync
Failures?", USENIX ATC 2020.
May import: machine, errors, timing, faults.{journal,processes,scene,volumes}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun, NotReady
from seatrial.faults import processes, volumes
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.volumes import Stood
from seatrial.timing import happens, limit, poll

_MODE = "unsynced"
undo = volumes.undo


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Cut the power once the member has written for a moment.

    Receipt: of two files of ours the one that was synced is whole and the other empty, the
    member's process has ended; `dropped` are the files and bytes of its own that were lost, and
    `synced` how often it synced until then.
    """
    found = volumes.stood(scene, ordinal, _MODE)
    wrote = _written(scene, found)
    about, strangers = volumes.named(found, volumes.looked(found)), volumes.present(scene, found)
    said = found.node.volume("drop", found.name, str(found.pid), found.path)
    kept, gone = said["kept"], said["gone"]
    if gone or kept <= 0:
        seen = f"of two files of ours {kept} bytes of the synced one and {gone} of the other"
        raise CannotRun(f"what {about['pod']} had not synced to be lost", seen=seen)
    processes.ended(scene, found.hit)
    witness = f"a file of ours that was synced is whole ({kept} bytes), one that was not is empty"
    ended = f"the runtime of {found.node.name} does not run the container any more"
    lost = {"dropped": said["dropped"], "synced": said["synced"], "wrote": wrote}
    yield {**about, **lost, "witness": f"{witness}; {ended}"}
    return volumes.whole(scene, found, strangers)


def _written(scene: Scene, found: Stood) -> bool:
    """Wait until the member writes, and then a moment for more of it; whether it wrote at all."""
    try:
        poll(lambda: _idle(found), limit("a disk is written to"))
    except NotReady:
        return False

    def ended(_: object) -> str | None:
        pod, number = processes.present(scene, found.hit) or (None, "")
        there = pod is not None and number == found.hit.process.id
        return f"{scene.name(found.hit.ordinal)} runs" if there else None

    if happens(scene.stream, ended, limit("unsynced writes gather")):
        raise CannotRun(
            f"{scene.name(found.hit.ordinal)} to run until its disk fails", seen="it ended"
        )
    return True


def _idle(found: Stood) -> str | None:
    said = volumes.told(found)
    wrote = said["synced"] or said["unsynced"]["bytes"]
    return None if wrote else f"nothing was written to {found.name} yet"
