"""The watch on a server that misbehaves: what is not inside a recorded gap is never lost."""

import random
import threading
import time
from collections.abc import Callable

import pytest

from seatrial.errors import NotReady
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.model import Op
from seatrial.testing import FakeApi, fake_api
from seatrial.timing import Limit, wait

SOON = Limit("the test's own patience", 20)
BRIEF = Limit("a moment", 0.2)


class Kept:
    """A recorder in memory."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def now(self) -> float:
        return time.monotonic()

    def write(self, op: Op) -> None:
        self.ops.append(op)

    def seen(self, what: str) -> list[tuple[int, str, str]]:
        return [
            (o.value["rv"], o.value["event"], o.value["name"]) for o in self.ops if o.what == what
        ]

    def gaps(self) -> list[tuple[int, int]]:
        return [(o.value["after"], o.value["until"]) for o in self.ops if o.what == "gap"]


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kube(api, tmp_path):
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


def caught_up(api: FakeApi) -> Callable[[Stream], str | None]:
    """Say what is still missing of the server's picture; None when nothing is."""

    def differs(stream: Stream) -> str | None:
        wanted = {
            key: o["metadata"]["resourceVersion"] for key, o in api.objects.get("pods", {}).items()
        }
        there = {key: o.metadata.resource_version for key, o in stream.items("pods").items()}
        return None if there == wanted else f"wanted {wanted}, seen {there}"

    return differs


def test_what_was_there_and_what_comes_is_seen_in_order(api, kube):
    api.put("pods", "a", "x")
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        api.put("pods", "b", "x")
        api.put("pods", "a", "x", status={"phase": "Running"})
        api.remove("pods", "b", "x")
        wait(stream, caught_up(api), SOON)
    assert [(event, name) for _, event, name in kept.seen("pod")] == [
        ("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize("mishap", ["close", "cut", "repeat", "gone", "garbage"])
def test_after_one_mishap_the_picture_is_whole_again(mishap, api, kube):
    with Stream(kube, ("pods",)) as stream:
        for number in range(5):
            api.put("pods", f"p{number}", "x")
        api.mishap(mishap)
        for number in range(5):
            api.put("pods", f"p{number}", "x", status={"phase": "Running"})
        wait(stream, caught_up(api), SOON)


@pytest.mark.parametrize("seed", range(6))
def test_no_transition_is_lost_outside_a_recorded_gap(seed, api, kube):
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        for number in range(400):
            _change(api, draw)
            if number % 10 == 0:
                # Let it see some of them as they come; a burst alone would be one gap.
                wait(stream, caught_up(api), SOON)
            if draw.random() < 0.05:
                api.mishap(draw.choice(["close", "cut", "repeat", "gone"]))
            if draw.random() < 0.02:
                api.refuse.append(draw.choice([429, 500, 503]))
            if draw.random() < 0.02:
                api.compact()
        wait(stream, caught_up(api), SOON)
    truth = [
        (version, event, found["metadata"]["name"])
        for version, event, plural, found in api.log
        if plural == "pods"
    ]
    seen = set(kept.seen("pod"))
    lost = [t for t in truth if t not in seen and not _inside(kept.gaps(), t[0])]
    assert lost == []
    assert len(seen) == len(kept.seen("pod")), "nothing is told twice"
    assert len(kept.seen("pod")) > 100


def _change(api, draw) -> None:
    name = f"p{draw.randrange(8)}"
    if f"x/{name}" in api.objects.get("pods", {}) and draw.random() < 0.3:
        api.remove("pods", name, "x")
    else:
        api.put("pods", name, "x", status={"phase": draw.choice(["Pending", "Running"])})


def _inside(gaps, version) -> bool:
    return any(after < version <= until for after, until in gaps)


def test_per_object_the_versions_never_go_back(api, kube):
    draw = random.Random(7)  # noqa: S311 - repeatable on purpose
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        for _ in range(200):
            _change(api, draw)
            if draw.random() < 0.1:
                api.mishap("repeat")
        wait(stream, caught_up(api), SOON)
    for name in {name for _, _, name in kept.seen("pod")}:
        versions = [rv for rv, _, of in kept.seen("pod") if of == name]
        assert versions == sorted(versions)


def test_a_pod_replaced_while_nobody_looked_is_told_as_an_end_and_a_beginning(api, kube):
    api.put("pods", "a", "x")
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        old = stream.items("pods")["x/a"].metadata.uid
        with api.changed:
            api.mishaps.append("gone")
            api.remove("pods", "a", "x")
            api.put("pods", "a", "x")
            api.compact()
        wait(stream, caught_up(api), SOON)
        new = stream.items("pods")["x/a"].metadata.uid
    assert new != old
    told = [(o.value["event"], o.value["uid"]) for o in kept.ops if o.what == "pod"]
    assert told == [("ADDED", old), ("DELETED", old), ("ADDED", new)]
    assert len(kept.gaps()) == 1


def test_a_silent_connection_is_opened_again_and_loses_nothing(api, kube):
    with Stream(kube, ("pods",), silence=0.1) as stream:
        wait(stream, lambda s: None if "timed out" in s.trouble else s.trouble, SOON)
        api.put("pods", "late", "x")
        wait(stream, caught_up(api), SOON)


def test_a_stream_of_one_namespace_sees_that_one_alone_by_plain_names(api, kube):
    api.put("pods", "a", "x")
    api.put("pods", "a", "y")
    with Stream(kube, ("pods",), "x") as stream:
        api.put("pods", "b", "y")
        api.put("pods", "b", "x")
        wait(stream, lambda s: None if len(s.items("pods")) == 2 else "not yet", SOON)
        assert set(stream.items("pods")) == {"a", "b"}


def test_a_wait_wakes_on_the_event_that_satisfies_it(api, kube):
    with Stream(kube, ("pods",)) as stream:
        threading.Timer(0.05, lambda: api.put("pods", "a", "x")).start()
        wait(stream, lambda s: None if s.items("pods") else "none yet", SOON)


def test_a_wait_that_is_late_says_what_was_last_seen_and_what_stands_in_the_way(api, kube):
    with Stream(kube, ("pods",)) as stream:
        api.mishap("garbage")
        api.put("pods", "a", "x")
        wait(stream, lambda s: None if s.trouble else "no trouble yet", SOON)
        api.refuse.extend([500] * 1000)
        with pytest.raises(NotReady, match=r"a moment within 0\.2 s") as caught:
            wait(stream, lambda _: "still red", BRIEF)
    assert caught.value.seen.startswith("still red; watch of pods: ")


def test_a_server_that_is_away_at_first_is_named(api, kube, monkeypatch):
    monkeypatch.setenv("SEATRIAL_TIME_FACTOR", "0.01")
    api.refuse.extend([503] * 1000)
    with pytest.raises(NotReady, match="first list of a watch") as caught, Stream(kube, ("pods",)):
        pass
    assert "the server is in trouble" in caught.value.seen


@pytest.mark.timeout(30)
def test_closing_does_not_wait_for_an_event_and_leaves_no_thread(kube):
    for _ in range(50):
        with Stream(kube, ("pods", "nodes", "statefulsets")):
            pass
    assert not [t.name for t in threading.enumerate() if t.name.startswith("watch/")]
