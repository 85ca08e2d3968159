"""A trial while it lives: one workload on the ground, watched, written to, asked, and broken.

Whoever leads it (run.py for a certification, chaos for a drill) decides what happens when; what
can happen is here, and all of it goes into the History.
May import: everything below run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seatrial import cluster, profiles, report
from seatrial.cluster.supply import supply
from seatrial.crowding import crowded
from seatrial.errors import NotHealed, NotReady, SeatrialError, Untried
from seatrial.evidence import RunFolder
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Proof, Scene
from seatrial.ground import Ground, drivers_image
from seatrial.healing import watched
from seatrial.load.crowd import Crowd
from seatrial.load.driving import Driver, driving
from seatrial.load.pod import models
from seatrial.metering import Beside, metered
from seatrial.metrics import Meter
from seatrial.model import Json, Op, Outcome, Plan, Profile, Recorder, of_a_machine
from seatrial.plan import head
from seatrial.probes import backups, identity, records, stewards
from seatrial.probes.runtime import Witness, witnessed
from seatrial.progress import Progress
from seatrial.standin import Reach, beside
from seatrial.timing import Limit
from seatrial.workload import Workload, demand, deployed, namespace_of

_UNTOLD = "node-cut"
"""The fault whose victim tells the API server nothing: the nodes' own runtimes are heard."""


@dataclass(frozen=True)
class Job:
    """What is to be tried, and where."""

    plan: Plan
    profile: Profile
    ground: Ground
    folder: RunFolder
    progress: Progress

    @property
    def namespace(self) -> str:
        """The namespace of this run, and of no other."""
        return namespace_of(self.folder.path)


@dataclass(frozen=True)
class Live:
    """A workload under trial; every method writes what it saw as Ops."""

    job: Job
    alive: Workload
    scene: Scene
    driver: Driver
    recorder: Recorder
    witness: Witness
    meter: Meter | None = None
    crowd: Crowd | None = None

    @property
    def everybody(self) -> Sequence[int]:
        """All ordinals."""
        return self.job.profile.ordinals

    def phase(self, name: str) -> None:
        """Say what comes next."""
        self.note("run", "phase", {"name": name})

    def note(self, process: str, what: str, value: Mapping[str, Json]) -> None:
        """Write down what is so now."""
        now = self.recorder.now()
        self.recorder.write(Op(process, what, Outcome.OK, now, now, value))

    def ask(self, ordinals: Sequence[int]) -> None:
        """Ask members who they are, each inside its own container, all at once."""
        kube, profile = self.alive.kube, self.job.profile
        pods = {ordinal: self.alive.member(ordinal) for ordinal in ordinals}
        identity.side_by_side([
            partial(identity.ask, kube, profile, ordinal, pod, self.recorder)
            for ordinal, pod in pods.items()
            if pod
        ])  # fmt: skip

    def load(self, ordinals: Sequence[int], within: Limit | None = None) -> None:
        """Wait until these members acknowledge writes; if all, the models' clients, too."""
        if self.job.profile.client:
            self.driver.until_load(ordinals=ordinals, within=within)
            if list(ordinals) == list(self.everybody):
                self.driver.until_models()

    def read(self, phase: str) -> None:
        """End the load and have all that every member holds read, if the profile has a client."""
        if self.job.profile.client:
            self.driver.rest()
            self.driver.read(phase)

    def finale(self) -> None:
        """Let names and load settle, then read and ask everything once more, for the judges."""
        self.phase("final")
        with self.job.progress.step("the last look at every member", 5):
            with self.as_far_as_it_goes():
                self.driver.until_settled(self._addresses())
            with self.as_far_as_it_goes():
                if self._flowed():
                    self.load(self.everybody)
            with self.as_far_as_it_goes():
                self.read("final")
            with self.as_far_as_it_goes():
                self._backups()
            self.ask(self.everybody)
            self.witness.look()

    def back_up(self, ordinal: int, within: Limit) -> Mapping[str, Json]:
        """Back a member up now; gives the backup's line."""
        pod = self.scene.pod(ordinal)
        return backups.back_up(self.alive.kube, self.job.profile, pod, within)

    def restored(self, ordinal: int) -> Mapping[str, Json]:
        """Say what the last restore of a member brought."""
        return records.restored(self.alive.kube, self.job.profile, self.scene.pod(ordinal))

    def _backups(self) -> None:
        if self.job.profile.recovery:
            alive = self.alive
            backups.record(alive.kube, self.job.profile, alive.namespace, self.recorder)

    @contextmanager
    def as_far_as_it_goes(self) -> Iterator[None]:
        """Go on when something cannot be done: what was not shown is unknown, and Ops say why.

        What could not be healed is raised all the same.
        """
        try:
            yield
        except NotHealed:
            raise
        except SeatrialError as error:
            stewards.look(self.alive.kube, self.recorder)
            self.job.progress.note(f"not shown: {error}")

    def _flowed(self) -> bool:
        """Whether anybody ever acknowledged anything: if not, there is nothing to wait for."""
        return any(one["acknowledged"] for one in self.driver.counts().values())

    def _addresses(self) -> dict[int, str]:
        pods = {ordinal: self.alive.member(ordinal) for ordinal in self.everybody}
        return {ordinal: pod.status.pod_ip for ordinal, pod in pods.items() if pod}

    @contextmanager
    def broken(self, fault: str, ordinal: int) -> Iterator[Proof]:
        """Break a member; healed, or the healing's failure raised, when the body is left."""
        with broken(FAULTS[fault], self.scene, ordinal, self.recorder) as receipt:
            yield receipt
        if of_a_machine(fault):
            self.witness.look()


@contextmanager
def lived(job: Job, recorder: Recorder) -> Iterator[Live]:
    """Deploy the job's workload, watched from its first moment; Op 0 is written before.

    Raises Untried when it never serves, so that nothing could be tried.
    """
    wanted = documents(job)
    recorder.write(head(job.plan, job.profile, job.ground.cluster.facts))
    look = partial(stewards.look, job.ground.kube, recorder)
    with ExitStack() as stack:
        with noted(recorder, look):
            live = _begun(job, recorder, wanted, stack)
        yield live
        look()


def _begun(
    job: Job, recorder: Recorder, wanted: Sequence[Mapping[str, Json]], stack: ExitStack
) -> Live:
    """Deploy and start the driver, for as long as the stack lives."""
    kube, faults = job.ground.kube, [planned.fault for planned in job.plan.faults]
    _say(recorder, "phase", {"name": "deploy"})
    demand(job.profile, wanted, kube, job.namespace, faults)
    witness = stack.enter_context(_witnessed(job, recorder))
    stack.enter_context(_controlled(job, recorder))
    with job.progress.step(f"deploying {job.profile.name} into {job.namespace}", 15):
        _say(recorder, "declared", profiles.facts(wanted, job.profile))
        alive = stack.enter_context(deployed(job.profile, wanted, kube, job.namespace, recorder))
    trial = Beside(alive, job.ground.cluster, recorder, job.folder.so_far, job.progress)
    meter = stack.enter_context(metered(trial, wanted=job.plan.prometheus))
    with job.progress.step("starting the driver", 5):
        image = drivers_image(job.profile, job.ground.cluster, job.progress)
        stream, seed = alive.stream, job.plan.seed
        driver = stack.enter_context(
            driving(kube, stream, job.namespace, job.profile, image, recorder,
                    seed=seed, models=models(job.plan.guarantees))
        )  # fmt: skip
    crowd = stack.enter_context(crowded(trial, job.folder.logs / "locust"))
    scene = _scene(job, alive, driver.node)
    return Live(job, alive, scene, driver, recorder, witness, meter, crowd)


@contextmanager
def noted(recorder: Recorder, look: Callable[[], None]) -> Iterator[None]:
    """Look at the control plane before the body; write down what kept the trial from beginning.

    What never got ready in time could not be tried either: raises Untried.
    """
    look()
    try:
        yield
    except (Untried, NotReady) as error:
        look()
        now = recorder.now()
        told = filter(None, (error.wanted, error.seen, error.remedy and f"try {error.remedy}"))
        reason = "; ".join(" | ".join(text.splitlines()) for text in told)
        recorder.write(Op("run", "obstacle", Outcome.INFO, now, now, {"reason": reason}))
        if isinstance(error, Untried):
            raise
        raise Untried(error.wanted, seen=error.seen, remedy=error.remedy) from None


@contextmanager
def recording(job: Job) -> Iterator[Live]:
    """Live through a job with its History open; it is closed, whatever happens, on leaving.

    What a run that failed had seen is kept and told, too. What draws the report is loaded while
    the workload is made.
    """
    threading.Thread(target=report.prepare, name="report").start()
    try:
        with watched(), job.folder.recorder() as recorder, lived(job, recorder) as live:
            yield live
    except BaseException:
        job.folder.close_history()
        report.write(job.folder.path)
        raise
    job.folder.close_history()


def _witnessed(job: Job, recorder: Recorder) -> AbstractContextManager[Witness]:
    """Listen to the nodes' runtimes from before the first container on, if the plan needs it."""
    if not any(planned.fault == _UNTOLD for planned in job.plan.faults):
        return nullcontext(Witness())
    nodes = cluster.machines(job.ground.cluster, job.progress).values()
    return witnessed(nodes, job.profile, job.namespace, recorder)


def _controlled(job: Job, recorder: Recorder) -> AbstractContextManager[None]:
    """Run a rogue's own controller from before its first object on."""
    ground = job.ground.cluster
    reach = Reach(ground.kubeconfig, ground.context, job.namespace)
    return beside(job.profile, reach, job.folder.logs / "controller.log", recorder)


def _scene(job: Job, alive: Workload, driver: str) -> Scene:
    ground = job.ground.cluster
    return Scene(
        alive.kube,
        alive.stream,
        alive.namespace,
        alive.profile.set,
        nodes=cluster.machines(ground, job.progress),
        cluster=ground.name,
        kubeconfig=str(ground.kubeconfig),
        context=ground.context,
        run=str(job.folder.path.resolve()),
        container=alive.profile.container,
        image=str(ground.facts["ground_image"]),
        radius=job.plan.radius,
        driver=driver,
        centre=alive.profile.centre,
        given=alive.profile.given,
        sidecar=alive.profile.sidecar,
    )


def _say(recorder: Recorder, what: str, value: Mapping[str, Json]) -> None:
    now = recorder.now()
    recorder.write(Op("run", what, Outcome.OK, now, now, value))


def documents(job: Job) -> list[dict[str, Json]]:
    """Give what a job deploys, its images on the nodes already."""
    images = {
        name: supply(job.ground.cluster, name, Path(folder), job.progress)
        for name, folder in job.profile.images.items()
    }
    return profiles.render(job.profile, images=images, namespace=job.namespace)
