"""The nouns: Profile, Plan, Op, History, Verdict, and the protocols they are used through.

Frozen dataclasses; the standard library only. What each noun means: docs/nouns.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from seatrial.centre import Centre
from seatrial.connections import Connections
from seatrial.given import Given
from seatrial.outside import Outside
from seatrial.radius import Radius
from seatrial.recovery import Recovery
from seatrial.sessions import Sessions

Json = Any
"""A value that json.dumps takes."""


class Standing(StrEnum):
    """What a verdict says; in this order the first present decides for several together.

    A figure reports a number and promises nothing: it decides nothing.
    """

    BROKEN = "broken"
    UNKNOWN = "unknown"
    HOLDS = "holds"
    FIGURE = "figure"

    @property
    def exit_code(self) -> int:
        """0 holds, 1 broken, 2 unknown; a figure alone shows that no promise holds."""
        return {"holds": 0, "broken": 1, "unknown": 2, "figure": 2}[self.value]


class Outcome(StrEnum):
    """How an Op ended: `info` means that nobody knows whether it took effect."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that happened, as its own process saw it.

    `invoked` and `completed` are seconds on the run's clock (0 = Op 0). `index` is the place in
    the closed History, -1 before. `error` is the clock's error bound of the source in seconds.
    """

    process: str
    what: str
    outcome: Outcome
    invoked: float
    completed: float
    value: Mapping[str, Json] = field(default_factory=dict)
    error: float = 0.0
    index: int = -1


@dataclass(frozen=True)
class History:
    """All Ops of one run in order of completion; Op 0 is the Plan with the cluster's facts.

    Op 0's value: `plan` (see Plan), `profile` (name, replicas, first_ordinal, set,
    claim_templates, bounds), `cluster` (versions, nodes, effective timings), `limits` (named time
    limits in seconds).
    """

    ops: tuple[Op, ...]

    def of(self, what: str) -> Iterator[Op]:
        """Give the Ops of one kind in order."""
        return iter(self._kinds.get(what, ()))

    @cached_property
    def _kinds(self) -> Mapping[str, Sequence[Op]]:
        """Sort once: checks ask for rare kinds many times in Histories of a million writes."""
        kinds: dict[str, list[Op]] = {}
        for op in self.ops:
            kinds.setdefault(op.what, []).append(op)
        return kinds

    @property
    def members(self) -> range:
        """Give the ordinals of the set on trial; none when there is no Op 0 that says so."""
        profile = self.head.get("profile", {})
        return ordinals(profile.get("first_ordinal", 0), profile.get("replicas", 0))

    @property
    def head(self) -> Mapping[str, Json]:
        """Op 0's value; empty when a History has none."""
        return self.ops[0].value if self.ops and self.ops[0].what == "plan" else {}


def ordinals(first: int, replicas: int) -> range:
    """Give a set's ordinals, from `spec.ordinals.start` on (kubernetes.io, "Start ordinal")."""
    return range(first, first + replicas)


@dataclass(frozen=True)
class Verdict:
    """What one guarantee's check concluded; `evidence` are indexes of the Ops that show it.

    `advice` are likely causes of a breach, in sentences.
    """

    guarantee: str
    verdict: Standing
    reason: str
    evidence: tuple[int, ...] = ()
    figures: Mapping[str, Json] = field(default_factory=dict)
    advice: tuple[str, ...] = ()


def overall(verdicts: Sequence[Verdict]) -> Standing:
    """Combine: broken over unknown over holds; nothing judged, or figures alone, is unknown."""
    said = {verdict.verdict for verdict in verdicts} - {Standing.FIGURE}
    return next((standing for standing in Standing if standing in said), Standing.UNKNOWN)


Check = Callable[[History], Verdict]


@dataclass(frozen=True)
class Guarantee:
    """A promised sentence with a stable dotted id and the pure check that judges it.

    `needs` are the faults that exercise it; `drill` is the experiment that alone can, if one must.
    `of_the_ground`: not the workload but what it stands on decides, so it may be asked by its id
    of a profile that does not claim it.
    """

    id: str
    sentence: str
    source: str
    exercised: str
    needs: tuple[str, ...]
    check: Check
    kind: str = "promise"
    drill: str = ""
    of_the_ground: bool = False

    @property
    def disruptive(self) -> bool:
        """Whether exercising it disturbs others on the same cluster: it breaks a machine."""
        return any(map(of_a_machine, self.needs))


@dataclass(frozen=True)
class Load:
    """How a driver writes: `rate` writes a second and writer, `writers` at each member."""

    rate: float = 20.0
    writers: int = 1


@dataclass(frozen=True)
class Metrics:
    """Where each member tells its counts as Prometheus text.

    `acknowledged` names the counter of acknowledged writes; empty when there is none.
    """

    port: int
    path: str = "/metrics"
    acknowledged: str = ""


@dataclass(frozen=True)
class Profile:
    """A workload as declared in fixtures/<name>/profile.yaml.

    `manifests` is the folder to apply (kustomize when it holds a kustomization.yaml).
    `ask` maps a question (hostname, token, id, cluster) to the argv whose output answers it inside
    the member's container. `claims` are guarantee ids; `bounds` numbers by guarantee id.
    `images` maps an image name to its build folder. `folder` is where the profile lies.
    `client` is the file of its client code, empty when it has none; it reaches members at `port`
    under `load`. `secrets` are names of Secrets that are made anew for each run. `watch` are custom
    resources whose changes belong to the History, each plural.group/version; `managers` write to
    its set as its own. `first_ordinal` is the set's `spec.ordinals.start`. `controller` is the file
    of a rogue's own controller, empty for none. With `replicated` each member holds what any of
    them acknowledged. None: `recovery` is not backed up, `metrics` exports none, `centre` has no
    configuration centre, `connections` has no ways of connecting that are tried, `sessions` is
    visited by nobody, `outside` is reached by nobody from outside the pod network, `given` is
    given no settings that are changed. `sidecar` is the container of the agent that stands beside
    each member in its pod, empty for none.
    """

    name: str
    sentence: str
    folder: str
    manifests: str
    set: str
    service: str
    replicas: int
    container: str
    claim_templates: tuple[str, ...]
    claims: tuple[str, ...]
    ask: Mapping[str, tuple[str, ...]]
    images: Mapping[str, str] = field(default_factory=dict)
    bounds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()
    may_break: tuple[str, ...] = ()
    client: str = ""
    port: int = 0
    load: Load = Load()
    secrets: tuple[str, ...] = ()
    recovery: Recovery | None = None
    watch: tuple[str, ...] = ()
    first_ordinal: int = 0
    controller: str = ""
    managers: tuple[str, ...] = ()
    metrics: Metrics | None = None
    connections: Connections | None = None
    sessions: Sessions | None = None
    centre: Centre | None = None
    replicated: bool = False
    outside: Outside | None = None
    given: Given | None = None
    sidecar: str = ""

    @property
    def ordinals(self) -> range:
        """The ordinals of its members."""
        return ordinals(self.first_ordinal, self.replicas)

    @property
    def rogue(self) -> bool:
        """Whether it carries a planted defect."""
        return bool(self.breaks)


@dataclass(frozen=True)
class Plan:
    """All that decides a run; printing `command` is enough to repeat it.

    `prometheus`: one of ours scrapes the members meanwhile. `edition`: a digest of our code and of
    the profile's files, without which two runs are no samples of one thing.
    """

    profile: str
    shape: str
    timing: str
    seed: int
    guarantees: tuple[str, ...]
    faults: tuple[PlannedFault, ...]
    command: str
    kubernetes: str = ""
    prometheus: bool = False
    radius: Radius | None = None
    edition: str = ""


def of_a_machine(fault: str) -> bool:
    """Whether a fault of this name hits a whole machine, or several, and so all that it hosts."""
    return fault.startswith("node-") or fault in {"kubelet-stop", "runtime-stop", "zone-kill"}


@dataclass(frozen=True)
class PlannedFault:
    """One fault of a Plan: a name of the table FAULTS, and at which ordinals, one by one.

    `trigger` is the word of what it waits for (triggers.py); empty: it happens in its turn. With a
    `role` it is done `times` over to whichever member has that role then, besides the ordinals.
    """

    fault: str
    ordinals: tuple[int, ...]
    trigger: str = ""
    role: str = ""
    times: int = 1


class Recorder(Protocol):
    """Where a process writes its Ops while the run goes on."""

    def now(self) -> float:
        """Seconds on the run's clock."""

    def write(self, op: Op) -> None:
        """Append one Op to the process's own file."""
