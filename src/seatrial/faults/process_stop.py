"""The member's main process is stopped (SIGSTOP): it is there, holds all it held, answers nobody.

Its kernel still accepts connections for it: a fake death. A liveness probe may have the kubelet
start the container again, and whoever replaces members may replace it, while it stands still;
each is fine and is told apart from its own going on.
Source: signal(7); kubernetes.io, "Configure Liveness, Readiness and Startup Probes".
May import: machine, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from seatrial.errors import CannotRun
from seatrial.faults import askings, processes
from seatrial.faults.askings import Way
from seatrial.faults.journal import Step
from seatrial.faults.processes import Hit
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, poll, wait

_STOPPED = "T"


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to let go on what stands still on the member's node."""
    return (Step("revive", node=processes.hit(scene, ordinal).node.name),)


@dataclass(frozen=True)
class Stopped:
    """A process that stands still, how it is asked whether it answers, and the proof of both."""

    hit: Hit
    way: Way
    proof: Proof


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop exactly the process that was seen; receipt: its kernel says T, and nobody answers."""
    stopped = stopped_of(scene, ordinal)
    yield stopped.proof
    return mended(scene, stopped)


def stopped_of(scene: Scene, ordinal: int) -> Stopped:
    """Stop the member's process; raises as `processes.hit` does, and when it does not stand still.

    The proof: its kernel says T of it, and nobody answers through the API server.
    """
    hit = processes.hit(scene, ordinal)
    before = askings.answered(scene.kube, askings.member(scene, ordinal))
    pid = hit.process.pid or hit.node.process(hit.process.id)
    scene.struck()
    hit.node.freeze(hit.process.id)
    poll(lambda: _moves(hit, pid), limit("process ends"))
    silence = askings.silent(scene.kube, before)
    _demand_stopped(hit, pid)
    proof = {
        **processes.named(hit.pod),
        "container": hit.process.id,
        "restarts": hit.status.restart_count,
        "witness": f"/proc of {hit.node.name} says {_STOPPED} of {pid}; {silence}",
    }
    return Stopped(hit, before.way, proof)


def mended(scene: Scene, stopped: Stopped) -> Proof:
    """Let go on what still stands, and wait until the member answers; `how` says by whom."""
    proof = ready(scene, stopped)
    askings.answered(scene.kube, stopped.way)
    return proof


def ready(scene: Scene, stopped: Stopped) -> Proof:
    """Let go on what still stands, and wait until the pod is Ready; proof as that of `mended`."""
    hit = stopped.hit
    said = hit.node.revive()
    wait(scene.stream, lambda _: _away(scene, hit), limit("container is started again"))
    return _healed(scene, hit, said)


def _moves(hit: Hit, pid: int) -> str | None:
    state = hit.node.doing(pid)
    return None if state == _STOPPED else f"process {pid} of {hit.node.name} is {state or 'gone'}"


def _demand_stopped(hit: Hit, pid: int) -> None:
    """Whether it was the stopped process that was silent: it may have been started again."""
    if why := _moves(hit, pid):
        raise CannotRun(f"{hit.pod.metadata.name} to stand still while it is asked", seen=why)


def _away(scene: Scene, hit: Hit) -> str | None:
    pod = scene.member(hit.ordinal)
    return None if pod and pod.ready else scene.trouble(hit.ordinal)


def _healed(scene: Scene, hit: Hit, said: tuple[str, ...]) -> Proof:
    pod, container = processes.present(scene, hit) or (hit.pod, "")
    how = "went on" if container == hit.process.id else "started again"
    if pod.metadata.uid != hit.pod.metadata.uid:
        how = "replaced"
    return {**processes.named(pod), "container": container, "how": how, "let_go": list(said)}
