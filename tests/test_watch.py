"""The watch on a server that misbehaves: what is not inside a recorded gap is never lost."""

import random
import threading
from contextlib import ExitStack

import pytest

from seatrial.errors import NotReady
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.timing import Limit, wait

SOON = Limit("the test's own patience", 20)
BRIEF = Limit("a moment", 0.2)
Told = tuple[str, int, str]


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr("seatrial.kube.watch._PAUSE", 0.01)


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kube(api, tmp_path):
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


def caught_up(api: FakeApi):
    """Say what is still missing of the server's picture; None when nothing is."""

    def differs(stream):
        wanted = {key: _version(o["metadata"]) for key, o in api.of("pods").items()}
        there = {key: o.metadata.version for key, o in stream.items("pods").items()}
        return None if there == wanted else f"wanted {wanted}, seen {there}"

    return differs


def _version(meta) -> int:
    return int(meta["resourceVersion"])


def truth(api: FakeApi) -> list[Told]:
    """Give what happened to pods on the server: uid, version, event."""
    return [(t.found["metadata"]["uid"], t.version, t.event) for t in api.log if t.plural == "pods"]


def told(kept: Kept) -> list[Told]:
    """Give what was recorded of pods: uid, version, event."""
    return [(op.value["uid"], op.value["rv"], op.value["event"]) for op in kept.of("pod")]


def gaps(kept: Kept) -> list[tuple[int, int]]:
    return [(op.value["after"], op.value["until"]) for op in kept.of("gap")]


def settled(api: FakeApi, stream: Stream) -> None:
    """Wait until the stream has everything, and then for something that comes after it all."""
    api.refuse.clear()
    api.put("pods", "the-last", "x")
    wait(stream, caught_up(api), SOON)


def test_what_was_there_and_what_comes_is_seen_in_order(api, kube):
    api.put("pods", "a", "x")
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        api.put("pods", "b", "x")
        api.put("pods", "a", "x", status={"phase": "Running"})
        api.remove("pods", "b", "x")
        settled(api, stream)
    assert told(kept) == truth(api)
    assert gaps(kept) == []


@pytest.mark.parametrize("mishap", ["close", "cut", "repeat", "error", "garbage"])
def test_one_mishap_loses_nothing_and_repeats_nothing(mishap, api, kube):
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        for number in range(5):
            api.put("pods", f"p{number}", "x")
        api.remove("pods", "p4", "x")
        wait(stream, caught_up(api), SOON)
        api.mishap(mishap)
        for number in range(5):
            api.put("pods", f"p{number}", "x", status={"phase": "Running"})
        settled(api, stream)
        api.put("pods", "one-more", "x")
        wait(stream, caught_up(api), SOON)
        wait(stream, lambda s: s.trouble or None, SOON)
    assert told(kept) == truth(api)
    assert gaps(kept) == []


def test_bookmarks_move_the_place_from_which_a_watch_goes_on(api, kube):
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        api.put("nodes", "n")
        api.bookmark()
        api.put("pods", "a", "x")
        wait(stream, caught_up(api), SOON)
        api.bookmark()
        wait(stream, lambda s: None if s._reached["pods"] == api.version else "not yet", SOON)
        api.compact()
        api.mishap("close")
        settled(api, stream)
    assert gaps(kept) == []
    assert told(kept) == truth(api)


@pytest.mark.parametrize("as_event", [False, True])
def test_a_version_that_was_compacted_away_is_a_gap_with_its_bounds(as_event, api, kube):
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        api.put("pods", "a", "x")
        wait(stream, caught_up(api), SOON)
        before = api.version
        with api.changed:
            api.mishap("cut")
            api.put("pods", "b", "x")
            api.remove("pods", "a", "x")
            api.compact(as_event=as_event)
        wait(stream, caught_up(api), SOON)
    ((after, until),) = gaps(kept)
    assert before <= after < until == before + 2
    assert {op.value["name"]: op.value["event"] for op in kept.of("pod")}["a"] == "DELETED"


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_outside_a_recorded_gap_whatever_goes_wrong(seed, tmp_path):
    draw, kept, api = random.Random(seed), Kept(), FakeApi()  # noqa: S311 - repeatable on purpose
    with ExitStack() as server, ExitStack() as watching:
        server.enter_context(fake_api(api))
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        stream = watching.enter_context(Stream(kube, ("pods",), recorder=kept, silence=0.2))
        for _ in range(1500):
            _change(api, draw)
            _spoil(api, draw)
            if draw.random() < 0.003:
                server.close()
                server.enter_context(fake_api(api))
            if draw.random() < 0.02:
                wait(stream, caught_up(api), SOON)
        settled(api, stream)
        watching.close()
    _compared(kept, truth(api))
    assert len(told(kept)) > 300


def _compared(kept: Kept, happened: list[Told]) -> None:
    def known(one: Told) -> bool:
        return not any(after < one[1] <= until for after, until in gaps(kept))

    ends = {uid: version for uid, version, event in happened if event == "DELETED"}
    made_up = [one for one in told(kept) if known(one) and one not in happened]
    assert all(event == "DELETED" for _, _, event in made_up)
    assert not any(known((uid, ends[uid], "DELETED")) for uid, _, _ in made_up)
    seen = [one for one in told(kept) if known(one) and one not in made_up]
    assert seen == [one for one in happened if known(one)]


def _change(api: FakeApi, draw: random.Random) -> None:
    name = f"p{draw.randrange(8)}"
    if f"x/{name}" in api.of("pods") and draw.random() < 0.3:
        api.remove("pods", name, "x")
    else:
        api.put("pods", name, "x", status={"phase": draw.choice(["Pending", "Running"])})


def _spoil(api: FakeApi, draw: random.Random) -> None:
    if draw.random() < 0.05:
        kinds = ["close", "cut", "repeat", "gone", "error", "garbage", "silence"]
        api.mishap(draw.choice(kinds))
    if draw.random() < 0.02:
        api.refuse.append(draw.choice([429, 500, 503]))
    if draw.random() < 0.01:
        api.compact(as_event=draw.random() < 0.5)
    if draw.random() < 0.05:
        api.bookmark()


def test_a_pod_replaced_while_nobody_looked_is_told_as_an_end_and_a_beginning(api, kube):
    old = api.put("pods", "a", "x")["metadata"]["uid"]
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        with api.changed:
            api.mishap("gone")
            api.remove("pods", "a", "x")
            new = api.put("pods", "a", "x")["metadata"]["uid"]
            api.compact()
        wait(stream, caught_up(api), SOON)
    assert new != old
    assert [(uid, event) for uid, _, event in told(kept)] == [
        (old, "ADDED"), (old, "DELETED"), (new, "ADDED"),
    ]  # fmt: skip
    assert len(gaps(kept)) == 1


def test_a_silent_connection_is_opened_again_and_loses_nothing(api, kube):
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept, silence=0.2) as stream:
        api.mishap("silence")
        api.put("pods", "late", "x")
        wait(stream, caught_up(api), SOON)
    assert told(kept) == truth(api)


def test_a_server_that_starts_again_is_found_again_and_the_trouble_is_over(tmp_path):
    kept, api = Kept(), FakeApi()
    with ExitStack() as server:
        server.enter_context(fake_api(api))
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        with Stream(kube, ("pods",), recorder=kept) as stream:
            server.close()
            wait(stream, lambda s: None if "refused" in s.trouble else s.trouble or "none", SOON)
            api.put("pods", "meanwhile", "x")
            server.enter_context(fake_api(api))
            wait(stream, caught_up(api), SOON)
            assert stream.trouble == ""
    assert told(kept) == truth(api)


def test_an_idle_watch_that_was_cut_is_in_no_trouble_once_it_is_open_again(api, kube):
    with Stream(kube, ("pods",)) as stream:
        api.refuse.extend([503] * 20)
        api.mishap("cut")
        wait(stream, lambda s: None if "in trouble" in s.trouble else "none yet", SOON)
        wait(stream, lambda s: s.trouble or None, SOON)


def test_an_object_that_cannot_be_read_is_named_until_it_is_gone(api, kube):
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        api.put("pods", "odd", "x", status=7)
        wait(stream, lambda s: s.trouble or "none" if "x/odd" not in s.trouble else None, SOON)
        with pytest.raises(NotReady, match="pod x/odd cannot be read: Expected `object`"):
            wait(stream, lambda _: "still red", BRIEF)
        api.remove("pods", "odd", "x")
        api.compact()
        wait(stream, lambda s: s.trouble or None, SOON)
    assert len(gaps(kept)) == 1


def test_what_could_not_be_recorded_is_recorded_later(api, kube):
    class Full(Kept):
        room = True

        def write(self, op):
            if not self.room:
                raise OSError(28, "No space left on device")
            super().write(op)

    kept = Full()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        kept.room = False
        api.put("pods", "a", "x")
        wait(stream, lambda s: None if "No space left" in s.trouble else "no trouble", SOON)
        assert stream.items("pods") == {}
        kept.room = True
        wait(stream, caught_up(api), SOON)
    assert told(kept) == truth(api)


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


def test_a_server_that_is_away_at_first_is_named_once(api, kube, monkeypatch):
    monkeypatch.setenv("SEATRIAL_TIME_FACTOR", "0.01")
    api.refuse.extend([503] * 1000)
    with pytest.raises(NotReady, match="first list of a watch") as caught, Stream(kube, ("pods",)):
        pass
    assert caught.value.seen.count("the server is in trouble") == 1


def test_closing_does_not_wait_for_an_event_and_leaves_no_thread(kube):
    with Stream(kube, ("pods", "nodes", "statefulsets")):
        pass
    assert [t.name for t in threading.enumerate() if t.name.startswith("watch/")] == []
