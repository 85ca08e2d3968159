"""Runs the driver's pod beside a workload, and collects what it saw when the trial is over.

May import: model, errors, timing, kube; load.*.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seatrial.errors import CannotRun, SeatrialError
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.kube.pods import serving
from seatrial.kube.watch import Stream
from seatrial.load import collecting
from seatrial.load.clock import Clock, combined, measured
from seatrial.load.line import DriverLost, Line
from seatrial.load.pod import NAME, ROLE, documents, job, member_name
from seatrial.model import Json, Op, Outcome, Profile, Recorder
from seatrial.timing import Limit, limit, poll

_PATIENCE = 5.0
"""Seconds that the driver holds a question whose answer is not yet so."""
_SHOWN = 10
"""Reads and changes of each model by which a phase shows something: who asked before it began, one
client a member, is among them."""
_DNS = "/api/v1/namespaces/kube-system/pods"


class Driver:
    """A running driver; `node` is where, `lost` says how it was lost and is empty until then.

    Every question raises DriverLost once the pod is lost or was started again, NotReady when its
    named limit passes, and CannotRun when the driver can no longer write its spool.
    """

    def __init__(self, line: Line, profile: Profile, recorder: Recorder, pod: Pod) -> None:
        self.node, self.lost = pod.spec.node_name, ""
        self._line, self._profile, self._recorder = line, profile, recorder
        self._who = {"node": self.node} | ({} if line.name == NAME else {"pod": line.name})
        self._boot: str = line.ask("GET", "/now")["boot"]
        self._clock = self._measured("start")

    def until_load(
        self,
        acknowledged: int = 10,
        ordinals: Iterable[int] | None = None,
        within: Limit | None = None,
    ) -> None:
        """Wait until each of these members (all) has acknowledged so many writes from now on."""
        if not self._profile.client:
            raise CannotRun(f"a client of {self._profile.name} that writes", seen="it names none")
        before = self.counts()
        wanted = self._profile.ordinals if ordinals is None else ordinals
        need = {str(o): before[o]["acknowledged"] + acknowledged for o in wanted}
        query = {"need": json.dumps(need)}
        within = within or limit("load flows")
        self._until(within, lambda more: self._ask("GET", "/counts", query=query | more),
                    lambda said: _behind(said["members"], need))  # fmt: skip

    def until_called(self, calls: int) -> None:
        """Wait until so many calls are over on each way from now on, however they ended.

        Raises CannotRun for a profile that declares no way of connecting.
        """
        told = self._profile.connections
        if told is None:
            raise CannotRun(f"ways of connecting of {self._profile.name}", seen="it declares none")
        before = self.made()
        self.until_made({way: before.get(way, 0) + calls for way in told.ways})

    def made(self, what: str = "calls") -> dict[str, int]:
        """Give how many calls, or visits, are over by each way; or were `answered`."""
        ways = self._ask("GET", "/calls")["ways"]
        return {way: counts[what] for way, counts in ways.items()}

    def until_made(self, need: Mapping[str, int]) -> None:
        """Wait until so many calls, or visits, are over by each of these ways, since the start."""
        query = {"need": json.dumps(need)}
        self._until(limit("calls are made"),
                    lambda more: self._ask("GET", "/calls", query=query | more),
                    lambda said: _unmade(said["ways"], need))  # fmt: skip

    def started(self, note: str = "") -> None:
        """Tell that it runs."""
        nothing = {"expected": 0, "collected": 0, "note": note}
        self._tell("driver", {"event": "started", **self._who, **nothing})

    def counted(self) -> None:
        """Have every member say how often it was asked; one `counted` Op each is spooled."""
        self._ask("POST", "/counted", {})

    def counts(self) -> dict[int, dict[str, int]]:
        """Give {attempts, acknowledged} so far, by ordinal."""
        said = self._ask("GET", "/counts")["members"]
        return {int(ordinal): counts for ordinal, counts in said.items()}

    def until_models(self, more: int = _SHOWN) -> None:
        """Wait until of each model so many reads and changes more were acknowledged."""
        before = self._ask("GET", "/models")["models"]
        need = {model: {k: n + more for k, n in counts.items()} for model, counts in before.items()}
        if not need:
            return
        query = {"need": json.dumps(need)}
        within = limit("load flows")
        self._until(within, lambda more: self._ask("GET", "/models", query=query | more),
                    lambda said: _short(said["models"], need))  # fmt: skip

    def rest(self) -> None:
        """End the writers; a reading afterwards holds all that was ever acknowledged."""
        self._ask("POST", "/rest", {})

    def read(self, phase: str) -> None:
        """Have all that every member holds read now; one `read` Op a member is spooled."""
        order = {"id": str(uuid.uuid4()), "phase": phase}
        within = limit("members are read")
        self._until(within, lambda more: self._ask("POST", "/read", order | more),
                    lambda _: f"reading for the phase {phase} is not done")  # fmt: skip

    def names(self) -> list[Mapping[str, Json]]:
        """Give the latest answer of each DNS server about each member's name.

        Each is {server, name, ordinal, outcome, code, addresses, age in seconds}.
        """
        found: list[Mapping[str, Json]] = self._ask("GET", "/names")["names"]
        return found

    def until_settled(self, addresses: Mapping[int, str]) -> None:
        """Wait until each DNS server that answers gives for these ordinals these addresses."""
        wanted = {member_name(self._profile, o): address for o, address in addresses.items()}
        query = {"settled": json.dumps(wanted)}
        within = limit("names settle")
        self._until(within, lambda more: self._ask("GET", "/names", query=query | more),
                    lambda said: _unsettled(said["names"], wanted))  # fmt: skip

    def collect(self) -> None:
        """Stop the driver and bring all it saw into the History; a lost one is told, not raised."""
        asked = self._recorder.now()
        found, clock = collecting.Collection(0, {}), self._clock
        note = ""
        try:
            said = self._line.ask("POST", "/stop", {})
            self._note_boot(said)
            note, found.expected = said["trouble"], sum(said["counts"].values())
            clock = combined(clock, self._measured("end"))
            collecting.fetch(self._line, said["counts"], found)
        except SeatrialError as error:
            self._lose(error.seen or str(error))
        self._tell("clock", clock.value("applied"))
        got = collecting.record(found, clock, self._recorder)
        value = {"expected": found.expected, "collected": got, "note": note}
        if found.spools or not self.lost:
            self._tell("driver", {"event": "collected", **self._who, **value}, since=asked)

    def _until(
        self,
        within: Limit,
        ask: Callable[[dict[str, str]], dict[str, Any]],
        difference: Callable[[dict[str, Any]], str],
    ) -> None:
        held = {"wait": str(min(_PATIENCE, within.seconds))}

        def unmet() -> str | None:
            said = ask(held)
            return None if said["met"] else difference(said)

        # The driver holds each question, so this is no busy loop.
        poll(unmet, within, every=0)

    def _ask(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            said = self._line.ask(method, path, body, query)
        except DriverLost as error:
            self._lose(error.seen)
            raise
        self._note_boot(said)
        if self.lost:
            raise DriverLost(f"the driver on {self.node}, as it was started", seen=self.lost)
        if said["trouble"]:
            raise CannotRun("the driver to keep what it sees", seen=said["trouble"])
        return said

    def _note_boot(self, said: Mapping[str, Any]) -> None:
        if said["boot"] != self._boot:
            self._lose(f"its container was started again, {said['boots']} starts in all")

    def _lose(self, note: str) -> None:
        if not self.lost:
            self.lost = note
            value = {"event": "lost", **self._who, "expected": 0, "collected": 0}
            self._tell("driver", {**value, "note": note}, Outcome.INFO)

    def _measured(self, when: str) -> Clock:
        clock = measured(lambda: self._line.ask("GET", "/now")["now"], self._recorder.now)
        self._tell("clock", clock.value(when))
        return clock

    def _tell(
        self,
        what: str,
        value: Mapping[str, Json],
        outcome: Outcome = Outcome.OK,
        since: float | None = None,
    ) -> None:
        now = self._recorder.now()
        invoked = now if since is None else since
        self._recorder.write(Op(NAME, what, outcome, invoked, now, value))


@contextmanager
def driving(
    kube: Kube,
    stream: Stream,
    namespace: str,
    profile: Profile,
    image: str,
    recorder: Recorder,
    *,
    seed: int,
    models: Sequence[str] = (),
) -> Iterator[Driver]:
    """Run the driver in `namespace` while the body runs, then collect what it saw.

    `stream` watches pods and nodes, the pods of this namespace alone; `image` has python3 and is
    on the nodes. Without a client in the profile only names are asked for. Also when the body
    fails everything is collected; when it is interrupted nothing is.
    Raises NotReady or CannotRun when the driver does not get ready.
    """
    apart = set_apart(stream)
    todo = job(profile, namespace, servers(kube), seed, models)
    calls = profile.connections.client if profile.connections else ""
    kube.apply(documents(todo, profile.client, image, apart=apart, calls=calls), namespace)
    pod = serving(kube, stream, namespace, NAME, limit("driver is ready"))
    driver = Driver(Line(kube, stream, namespace, pod.metadata.uid), profile, recorder, pod)
    driver.started(_note(todo, apart=apart))
    try:
        yield driver
    except Exception:
        driver.collect()
        raise
    driver.collect()


def set_apart(stream: Stream) -> bool:
    """Whether a node is the driver's own, and no victim; `stream` watches nodes."""
    return any(node.metadata.labels.get(ROLE) == NAME for node in stream.items("nodes").values())


def _note(todo: Mapping[str, Json], *, apart: bool) -> str:
    notes = [] if apart else ["the shape has no node of the driver's own, it runs among victims"]
    notes += [] if todo["servers"] else ["no DNS server was found, none is asked"]
    return "; ".join(notes)


def servers(kube: Kube) -> list[str]:
    """Give the addresses of the cluster's DNS servers as of now."""
    found = kube.get(_DNS, labelSelector="k8s-app=kube-dns")["items"]
    addresses = (pod.get("status", {}).get("podIP", "") for pod in found)
    return sorted(address for address in addresses if address)


def _behind(members: Mapping[str, Mapping[str, int]], need: Mapping[str, int]) -> str:
    late = {o: members[o] for o, count in need.items() if members[o]["acknowledged"] < count}
    return "; ".join(
        f"member {o} has acknowledged {seen['acknowledged']} of {need[o]} wanted writes, "
        f"in {seen['attempts']} attempts"
        for o, seen in late.items()
    )


def _unmade(ways: Mapping[str, Mapping[str, int]], need: Mapping[str, int]) -> str:
    over = {way: ways.get(way, {}).get("calls", 0) for way in need}
    late = [way for way in need if over[way] < need[way]]
    return "; ".join(f"{over[way]} of {need[way]} wanted by {way} are over" for way in late)


def _short(models: Mapping[str, Mapping[str, int]], need: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(
        f"of the model {model} {models[model][kind]} of {count} wanted {kind} were acknowledged"
        for model, counts in need.items()
        for kind, count in counts.items()
        if models[model][kind] < count
    )


def _unsettled(names: Iterable[Mapping[str, Any]], wanted: Mapping[str, str]) -> str:
    return "; ".join(
        f"{one['server']} answers {one['code']} {one['addresses']} for {one['name']}, "
        f"not {wanted[one['name']]}"
        for one in names
        if one["name"] in wanted and one["addresses"] != [wanted[one["name"]]]
    )
