"""The member's disk refuses: it is full, went read-only, or fails; the member itself runs on.

What it does about it is its own affair: it may refuse writes, stop being Ready or end. Afterwards
its volume is as it left it: whatever was let through is there.
Source: errno(3); ext4(5), errors=remount-ro; principles of failing hard, Ganesan et al.,
"Redundancy Does Not Imply Fault Tolerance", FAST 2017.
May import: machine, errors, faults.{row,scene,volumes}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults import volumes
from seatrial.faults.row import Break
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.volumes import Stood

undo = volumes.undo


def refusing(mode: str, errno: str) -> Break:
    """Give the function that lets a member's disk answer with an errno until it is resumed."""

    def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
        found = volumes.stood(scene, ordinal)
        yield _shown(found, mode, errno)
        felt, last = volumes.noticed(scene, found), volumes.told(found)
        strangers = volumes.present(scene, found)
        ended = volumes.let_go(found)
        proof = volumes.whole(scene, found, strangers)
        return {**proof, "refused": last["refused"], "felt": felt, "ended": len(ended)}

    return inject


def _shown(found: Stood, mode: str, errno: str) -> Proof:
    """Show it thrice: a write of ours fails, the file system counted it, /proc has it mounted."""
    said = volumes.refused(found, mode)
    tried, count = said["tried"], said["refused"].get(errno, 0)
    name = found.hit.pod.metadata.name
    if tried["errno"] != errno or not count or said["mount"]["ours"] != found.name:
        got = f"{tried['call'] or 'nothing'} of ours got {tried['errno'] or 'an error'}"
        raise CannotRun(
            f"the disk of {name} to answer {errno}",
            seen=f"{got}; {count} calls were refused so; {said['mount']}",
        )
    witness = f"{tried['call']} of ours at {found.path} of {name} got {errno}"
    counted = f"{found.name} counted {count} calls refused with it"
    proc = f"/proc of {found.node.name} has it mounted there for {found.pid}"
    about = {**volumes.named(found, said["mount"]), "errno": errno, "refused": count}
    return {**about, "witness": f"{witness}; {counted}; {proc}"}


inject_full = refusing("full", "ENOSPC")
inject_read_only = refusing("read-only", "EROFS")
inject_io_errors = refusing("io-errors", "EIO")
