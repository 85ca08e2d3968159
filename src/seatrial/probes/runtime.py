"""The witness in every node: which of the set's containers run there, by the node's own runtime.

The API server says what it was last told; a node that is cut off tells it nothing. Each node's
runtime is listened to all the time, and looked at whenever something may have been missed. Times
are the node's own, so a node whose clock is not this machine's is no witness.
Ops: process runtime/<node>, kind `runtime`, value {node, event, ...}: `looked` (running: a list),
`started` and `ended` (id, ordinal, pod, uid, at), `silent` (reason) from then until the next look.
A container is {id, ordinal, pod, uid, since}; `since` and `at` are seconds on the run's clock.
May import: model, machine, errors.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from seatrial.errors import CannotRun, SeatrialError
from seatrial.machine import Heard, Hearing, Node, Running
from seatrial.model import Json, Op, Outcome, Profile, Recorder

_WORKER = "worker"
"""The role of nodes that members may run on; the driver's own and the control plane are tainted."""


@dataclass(frozen=True)
class Witness:
    """All nodes that members may run on, listened to; without any it sees nothing."""

    ears: tuple[Ear, ...] = ()

    def look(self) -> None:
        """Look at every node, side by side; listen again where the runtime had fallen silent."""
        if self.ears:
            with ThreadPoolExecutor(len(self.ears)) as pool:
                list(pool.map(Ear.look, self.ears))


@contextmanager
def witnessed(
    nodes: Iterable[Node], profile: Profile, namespace: str, recorder: Recorder
) -> Iterator[Witness]:
    """Listen to the workers' runtimes while the body runs."""
    workers = [node for node in nodes if node.role == _WORKER]
    ears = tuple(Ear(node, profile, namespace, recorder) for node in workers)
    try:
        witness = Witness(ears)
        witness.look()
        yield witness
    finally:
        for ear in ears:
            ear.close()


@dataclass
class Ear:
    """What is heard of one node."""

    node: Node
    profile: Profile
    namespace: str
    recorder: Recorder
    members: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    hearing: Hearing | None = None
    thread: threading.Thread | None = None
    over: bool = False

    def look(self) -> None:
        """Record what runs now; that nothing could be seen is recorded, too."""
        try:
            self._listen()
            asked = self.recorder.now()
            found = [self._member(one) for one in self.node.running(self.namespace)]
        except SeatrialError as error:
            self._silent(error.seen or error.wanted)
            return
        there = [one for one in found if one]
        self.members |= {str(one["id"]): one for one in there}
        self._say("looked", {"running": there}, asked)

    def close(self) -> None:
        """Listen no more."""
        self.over = True
        self._leave()

    def _leave(self) -> None:
        if self.hearing:
            self.hearing.close()
        if self.thread:
            self.thread.join()
        self.hearing = self.thread = None

    def _listen(self) -> None:
        """Listen before anything is looked at: what happens in between is heard."""
        if self.thread and self.thread.is_alive():
            return
        self._leave()
        if not self.node.state().pid:
            raise CannotRun(
                f"the clock of {self.node.name} to be this machine's",
                seen=f"{self.node.name} does not run on this machine, so its times mean nothing",
            )
        hearing = self.hearing = self.node.hear()
        name = f"runtime of {self.node.name}"
        self.thread = threading.Thread(target=self._hear, args=(hearing,), name=name)
        self.thread.start()

    def _hear(self, hearing: Hearing) -> None:
        why = "its runtime stopped telling"
        try:
            for word in hearing:
                self._note(word)
        except SeatrialError as error:
            why = error.seen or error.wanted
        if not self.over:
            self._silent(why)

    def _note(self, word: Heard) -> None:
        if word.event == "started" and word.id not in self.members:
            found = self.node.container(word.id)
            if found and (member := self._member(found)):
                self.members[word.id] = member
        if about := self.members.get(word.id):
            at = self._at(word.at)
            told = {key: about[key] for key in ("id", "ordinal", "pod", "uid")}
            self._say(word.event, {**told, "at": at}, at)

    def _member(self, found: Running) -> dict[str, Json] | None:
        named = re.fullmatch(rf"{re.escape(self.profile.set)}-(\d+)", found.pod)
        own = found.namespace == self.namespace and found.name == self.profile.container
        if not named or not own:
            return None
        about = {"id": found.id, "ordinal": int(named[1]), "pod": found.pod, "uid": found.uid}
        return {**about, "since": self._at(found.since)}

    def _at(self, stamp: float) -> float:
        """Bring a time of this machine's clock (seconds since 1970) to the run's."""
        return self.recorder.now() - (time.time() - stamp)

    def _silent(self, reason: str) -> None:
        self._say("silent", {"reason": reason}, self.recorder.now(), Outcome.INFO)

    def _say(
        self, event: str, value: Mapping[str, Json], since: float, outcome: Outcome = Outcome.OK
    ) -> None:
        told = {"node": self.node.name, "event": event, **value}
        now = self.recorder.now()
        self.recorder.write(Op(f"runtime/{self.node.name}", "runtime", outcome, since, now, told))
