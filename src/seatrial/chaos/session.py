"""One drill from its beginning to its verdict: what the control opens and the activities use.

Chaos Toolkit hands every hook and activity the experiment's configuration; the session lies
there, since there is no other place that belongs to one run.
A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial import blast, history, run
from seatrial.chaos.account import trouble
from seatrial.chaos.intent import asked, intended
from seatrial.chaos.timeline import Watch, watching
from seatrial.checks.drifts import drifts
from seatrial.checks.moves import move_of
from seatrial.errors import CannotRun
from seatrial.faults import fenced
from seatrial.faults.scene import Proof
from seatrial.ground import Keep, grounded, leave
from seatrial.live import Live, recording
from seatrial.model import Json, Op, Outcome
from seatrial.plan import ASKED_MEANWHILE, OF_NO_MEMBER, OF_THE_SET
from seatrial.progress import Progress

KEY = "seatrial"
_ENDED = ("completed",)
Hit = tuple[str, int]
"""A fault and the ordinal that it is done to."""


@dataclass(frozen=True)
class Session:
    """A trial under way. `broken` are the nodes that are not healed yet, by the ordinal on them.

    `caused` are all other faults in place, by name and ordinal; `roles` are ordinals by role.
    `since` has when each stage ended; `moving` are the ordinals whose stages the watch times.
    `unmet` says why each probe that gave False did so: Chaos Toolkit keeps the False alone.
    `watch` shows all of it to a person.
    """

    live: Live
    keep: Keep
    living: ExitStack
    ground: ExitStack
    watch: Watch = field(default_factory=Watch)
    broken: dict[int, ExitStack] = field(default_factory=dict)
    caused: dict[Hit, ExitStack] = field(default_factory=dict)
    roles: dict[str, int] = field(default_factory=dict)
    receipts: dict[int, Proof] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    moving: set[int] = field(default_factory=set)
    unmet: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.live.job.folder.path

    @property
    def progress(self) -> Progress:
        """Where to tell how it goes."""
        return self.live.job.progress

    def lose(self, fault: str, ordinal: int) -> Proof:
        """Break a member and leave it broken until `heal`; gives the receipt."""
        began = self.live.recorder.now()
        receipt = self._break(fault, ordinal)
        self.stage("lost", ordinal, began, receipt)
        return receipt

    def kill(self, ordinal: int) -> Proof:
        """End a member's node, which keeps its disk, and leave it so until `heal`."""
        receipt = self._break("node-kill", ordinal)
        self.moving.add(ordinal)
        self.observed(ordinal, "killed")
        return receipt

    def _break(self, fault: str, ordinal: int) -> Proof:
        had = self.mounts(ordinal)
        self.begin()
        with ExitStack() as stack:
            receipt = {**stack.enter_context(self._shown(fault, ordinal)), **had}
            self.broken[ordinal], self.receipts[ordinal] = stack.pop_all(), receipt
        return receipt

    def cause(self, fault: str, ordinal: int) -> Proof:
        """Cause any fault, and leave it in place until it is mended or healed."""
        self.begin()
        with ExitStack() as stack:
            receipt = stack.enter_context(self._shown(fault, ordinal))
            self.caused[fault, ordinal], self.receipts[ordinal] = stack.pop_all(), receipt
        if fault in ASKED_MEANWHILE:
            self.live.ask(self.live.everybody if fault in OF_THE_SET else (ordinal,))
        return receipt

    def mend(self, fault: str, ordinal: int) -> Proof:
        """Heal one fault that was caused; once nothing is broken all members are waited for.

        Then those that it touched are asked who they are. Gives the proof of healing.
        """
        if (fault, ordinal) not in self.caused:
            raise CannotRun(f"{fault} of ordinal {ordinal} in place", seen="it is not")
        self.caused.pop((fault, ordinal)).close()
        if not (self.caused or self.broken):
            self.live.alive.until_ready()
            everybody = fault in OF_THE_SET or blast.reach(fault).pods != 1
            if fault not in OF_NO_MEMBER:
                self.live.ask(self.live.everybody if everybody else (ordinal,))
        told = [op for op in self.live.job.folder.so_far().of("fault") if _healing(op, fault)]
        return dict(told[-1].value["proof"]) if told else {}

    def begin(self) -> None:
        """Say that the faults begin, once."""
        if not self.receipts:
            self.live.phase("fault")

    def untouched(self) -> list[int]:
        """Give the ordinals that no fault touches now."""
        hit = self.live.scene.targets.touched.pods
        return [n for n in self.live.everybody if self.live.scene.name(n) not in hit]

    @contextmanager
    def _shown(self, fault: str, ordinal: int) -> Iterator[Proof]:
        shown = self.watch.breaking(fault, ordinal)
        with shown as proved, self.live.broken(fault, ordinal) as receipt:
            proved(receipt)
            yield receipt

    def fence(self, ordinal: int) -> Proof:
        """Declare a member's broken node out of service until `heal`, which undoes it first."""
        receipt, began = self.receipt(ordinal), self.live.recorder.now()
        if ordinal not in self.broken:
            raise CannotRun(f"the node of ordinal {ordinal} broken", seen="it was healed")
        proof = self.broken[ordinal].enter_context(fenced(self.live.scene, ordinal, receipt))
        now = self.live.recorder.now()
        value = {"ordinal": ordinal, **proof}
        self.live.recorder.write(Op("recovery", "fence", Outcome.OK, began, now, value))
        return proof

    def mounts(self, ordinal: int) -> dict[str, dict[str, str]]:
        """Give the uids of a member's claims and volumes as of now, each by name."""
        stream, pod = self.live.alive.stream, self.live.scene.pod(ordinal)
        there, bound = stream.items("persistentvolumeclaims"), stream.items("persistentvolumes")
        claims = {name: there[name] for name in pod.claims if name in there}
        volumes = [c.spec.volume_name for c in claims.values() if c.spec.volume_name in bound]
        return {
            "claims": {name: claim.metadata.uid for name, claim in claims.items()},
            "volumes": {name: bound[name].metadata.uid for name in volumes},
        }

    def receipt(self, ordinal: int) -> Proof:
        """Give the proof that this member's node was lost; raises CannotRun without one."""
        if ordinal not in self.receipts:
            raise CannotRun(f"a receipt that ordinal {ordinal} was broken", seen="it was not")
        return self.receipts[ordinal]

    def heal(self) -> list[int]:
        """Heal whatever is broken; gives the ordinals."""
        healed = []
        while self.caused or self.broken:
            ordinal, stack = self._last()
            with self.progress.step(f"healing what was done to ordinal {ordinal}", 20):
                stack.close()
            healed.append(ordinal)
        return healed

    def _last(self) -> tuple[int, ExitStack]:
        if self.caused:
            (_, ordinal), stack = self.caused.popitem()
            return ordinal, stack
        return self.broken.popitem()

    def stage(
        self,
        name: str,
        ordinal: int,
        began: float,
        value: Mapping[str, Json],
        outcome: Outcome = Outcome.OK,
    ) -> None:
        """Write down one stage of the recovery, from `began` (run clock, seconds) until now."""
        now = self.live.recorder.now()
        facts = {"stage": name, "ordinal": ordinal, **value}
        self.live.recorder.write(Op("recovery", "stage", outcome, began, now, facts))
        self.since[name] = now

    def observed(self, ordinal: int, *names: str) -> None:
        """Write down stages of a move as the watch saw them, however late we are to ask.

        Raises CannotRun for one that it did not see.
        """
        seen = self.live.job.folder.so_far()
        drift = next(d for d in reversed(drifts(seen)) if d.ordinal == ordinal)
        stages = move_of(seen, drift).stages
        for name in names:
            if name not in stages:
                raise CannotRun(f"the stage {name} of ordinal {ordinal}", seen="not on the watch")
            found = stages[name]
            value = {"stage": name, "ordinal": ordinal, **_told(found.op)}
            op = Op("recovery", "stage", Outcome.OK, found.began, found.ended, value)
            self.live.recorder.write(op)
            self.since[name] = found.ended

    def finished(self, journal: Mapping[str, Any]) -> run.Trial:
        """Heal, read all once more, close the History, judge it, and leave the ground."""
        job = self.live.job
        with self.ground:
            try:
                with self.living:
                    self.heal()
                    self._experiment(journal)
                    if journal["status"] in _ENDED:
                        self.live.finale()
            except BaseException:
                leave(job.ground, job.namespace, self.keep, None, self.progress)
                raise
            return run.concluded(job, self.keep)

    def _experiment(self, journal: Mapping[str, Any]) -> None:
        """Keep Chaos Toolkit's own account; it says completed of what failed, so all of it."""
        history.write_whole(self.folder / "journal.json", [history.document(journal)])
        runs = [*journal.get("run", ()), *journal.get("rollbacks", ())]
        activities = [{"name": r["activity"]["name"], "status": r.get("status", "")} for r in runs]
        value = {
            "status": journal["status"],
            "deviated": journal["deviated"],
            "activities": activities,
            "trouble": trouble(journal, self.unmet),
        }
        self.live.note("chaos", "experiment", value)


def session_of(configuration: Mapping[str, Any]) -> Session:
    """Give the trial that an activity acts in; raises CannotRun when there is none."""
    session: Session | None = configuration.get(KEY)
    if session is None:
        raise CannotRun(
            "a trial to act in",
            seen="the experiment has no control seatrial.chaos.control, or it could not begin",
            remedy="copy the `controls` of experiments/node-loss.yaml",
        )
    return session


def _healing(op: Op, fault: str) -> bool:
    return bool(op.value["stage"] == "healed" and op.value["fault"] == fault)


def _told(op: Op) -> dict[str, Json]:
    """Give what a stage tells of the Op that ended it."""
    value = op.value
    if op.what == "pod":
        return {"pod": value["name"], "uid": value["uid"], "node": value["node"]}
    if op.what == "node":
        return {"node": value["name"], "taints": value["taints"]}
    return dict(value["proof"])


def opened(experiment: Mapping[str, Any], configuration: Mapping[str, Any]) -> Session:
    """Begin the trial that an experiment declares; cleans up after itself when it cannot.

    Raises BadInput, before anything is touched, for what can be known to be wrong.
    """
    intent = intended(experiment, {**asked({}), **configuration})
    with ExitStack() as stack:
        watch = stack.enter_context(watching(experiment))
        progress = watch.progress
        ground = stack.enter_context(grounded(intent.spec, progress))
        job = run.begun(intent.plan, intent.profile, ground, intent.out, progress)
        try:
            with ExitStack() as living:
                live = living.enter_context(recording(job))
                live.phase("before")
                live.ask(live.everybody)
                return Session(live, intent.keep, living.pop_all(), stack.pop_all(), watch)
        except BaseException:
            leave(ground, job.namespace, intent.keep, None, progress)
            raise
