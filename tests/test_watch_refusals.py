"""The watch and a server that says nothing, no, not now, or not to you; and lists of any length."""

import threading
import time
from itertools import pairwise

import pytest

from seatrial import timing
from seatrial.errors import BadInput, NotReady
from seatrial.kube.client import ApiFailed, Kube, connect
from seatrial.kube.watch import Stream
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.timing import Limit, wait

SOON = Limit("the test's own patience", 20)
BRIEF = Limit("a moment", 0.3)


class Counted(FakeApi):
    """A fake that keeps when it refused a call, and every query of a list."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[float] = []

    def refusing(self, times: int, code: int, after: int = 0) -> None:
        """Refuse the next calls, keeping the times."""
        api = self

        class Orders(list[int | tuple[int, int]]):
            def pop(self, *place):
                api.refused.append(time.monotonic())
                return super().pop(*place)

        self.refuse = Orders([(code, after)] * times)


@pytest.fixture
def api():
    with fake_api(Counted()) as running:
        yield running


@pytest.fixture
def kube(api, tmp_path):
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


def seen(*names: str):
    """Say which pods are missing from a stream; None when none is."""
    return lambda s: None if set(names) <= set(s.items("pods")) else f"only {set(s.items('pods'))}"


def named(text: str):
    return lambda s: None if text in s.trouble else f"trouble is {s.trouble!r}"


def impatient(kube: Kube, every: float) -> None:
    assert kube.credentials
    kube.credentials.every = every


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("watch/")]


def test_closing_does_not_wait_for_a_server_that_takes_a_watch_and_says_nothing(api, kube):
    with Stream(kube, ("pods",)) as stream:
        api.mute = 1
        api.mishap("close")
        wait_until(lambda: api.mute == 0, api)
        stream.close()
        assert threads() == []


def test_closing_does_not_wait_for_a_list_that_never_comes(api, kube, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "first list of a watch", 0.3)
    api.mute = 2
    with pytest.raises(NotReady, match="first list"), Stream(kube, ("pods", "nodes")):
        pass
    assert threads() == []


def wait_until(condition, api) -> None:
    with api.changed:
        assert api.changed.wait_for(condition, SOON.seconds)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_asks_for_a_second_is_left_alone_for_one(code, api, kube):
    with Stream(kube, ("pods",)) as stream:
        api.refusing(2, code, after=1)
        api.mishap("close")
        wait(stream, named("in trouble"), SOON)
        api.put("pods", "a", "x")
        wait(stream, seen("x/a"), SOON)
    assert len(api.refused) == 2
    assert api.refused[1] - api.refused[0] >= 1


def test_a_server_that_only_says_no_is_not_asked_in_a_busy_loop(api, kube):
    with Stream(kube, ("pods",)) as stream:
        api.refusing(5, 500)
        api.mishap("close")
        wait(stream, named("in trouble"), SOON)
        wait(stream, lambda s: s.trouble or None, SOON)
    assert all(later - earlier >= 0.15 for earlier, later in pairwise(api.refused))


def test_expired_credentials_are_a_sentence_until_somebody_renews_them(
    api, kube, tmp_path, monkeypatch
):
    kept = Kept()
    monkeypatch.setattr("seatrial.kube.client.RENEWAL", 0.1)
    impatient(kube, 0.05)
    with Stream(kube, ("pods",), recorder=kept) as stream:
        api.token = "new"  # noqa: S105 - the fake's
        api.mishap("close")
        wait(stream, named("credentials have expired"), SOON)
        with pytest.raises(ApiFailed, match="Unauthorized") as caught:
            kube.get("/api/v1/nodes")
        assert caught.value.status == 401
        api.kubeconfig(tmp_path / "kubeconfig")
        api.put("pods", "a", "x")
        wait(stream, seen("x/a"), SOON)
        assert stream.trouble == ""
    assert [op.value["name"] for op in kept.of("pod")] == ["a"]
    assert list(kept.of("gap")) == []


def test_a_call_with_an_old_token_is_made_again_with_the_new_one(api, tmp_path):
    api.token = "old"  # noqa: S105 - the fake's
    kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
    assert kube.get("/api/v1/nodes")["items"] == []
    impatient(kube, 0)
    api.token = "new"  # noqa: S105 - the fake's
    api.kubeconfig(tmp_path / "kubeconfig")
    assert kube.get("/api/v1/nodes")["items"] == []


def test_a_kubeconfig_is_not_read_again_at_every_refusal(api, kube, monkeypatch):
    readings = []
    monkeypatch.setattr(type(kube.credentials), "opened", lambda _: readings.append(1))
    api.token = "new"  # noqa: S105 - the fake's
    for _ in range(20):
        with pytest.raises(ApiFailed):
            kube.get("/api/v1/nodes")
    assert readings == []


def test_a_list_of_ten_thousand_is_read_in_pages_and_whole(api, kube):
    for number in range(10_000):
        api.put("pods", f"p{number}", "x")
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        assert len(stream.items("pods")) == 10_000
        api.put("pods", "late", "x")
        wait(stream, seen("x/late"), SOON)
    assert len(api.pages) == 19
    assert len({op.value["uid"] for op in kept.of("pod")}) == 10_001


def test_a_list_that_grows_too_old_between_two_pages_is_read_again_in_one_piece(api, kube):
    class Forgetful(dict):
        """Pages that are compacted away as soon as they are kept."""

        def __setitem__(self, token, page):
            super().__setitem__(token, page)
            api.version += 1
            api.compact()

    for number in range(501):
        api.put("pods", f"p{number}", "x")
    api.pages = Forgetful()
    kept = Kept()
    with Stream(kube, ("pods",), recorder=kept) as stream:
        assert len(stream.items("pods")) == 501
    assert len(api.pages) == 1
    assert list(kept.of("gap")) == []


def test_what_comes_between_two_pages_is_told_by_the_watch(api, kube):
    class Busy(dict):
        """Pages after which something new happens."""

        def __setitem__(self, token, page):
            super().__setitem__(token, page)
            api.put("pods", "between", "x")

    for number in range(501):
        api.put("pods", f"p{number}", "x")
    api.pages = Busy()
    with Stream(kube, ("pods",)) as stream:
        wait(stream, seen("x/between"), SOON)


def test_a_custom_resource_is_watched_by_its_whole_name(api, kube):
    restores = "restores.recovery.seatrial.dev/v1"
    api.define(restores, "Restore")
    api.put("restores", "one", "x", spec={"from": "snapshot-7"})
    api.put("restores", "one", "y")
    kept = Kept()
    with Stream(kube, (restores,), "x", kept) as stream:
        api.put("restores", "one", "x", status={"phase": "Done"})
        wait(stream, lambda s: _phase(s.items(restores)["one"]), SOON)
    (first, second) = kept.of("custom")
    assert first.process == f"watch/{restores}"
    assert first.value["resource"] == restores
    assert first.value["spec"] == {"from": "snapshot-7"}
    assert second.value["status"] == {"phase": "Done"}


def _phase(found) -> str | None:
    return None if found.status.get("phase") == "Done" else "not done"


def test_a_custom_resource_outside_of_namespaces_is_seen_from_within_one(api, kube):
    api.define("stores.recovery.seatrial.dev/v1", "Store", namespaced=False)
    api.put("stores", "vault")
    with Stream(kube, ("stores.recovery.seatrial.dev/v1",), "x") as stream:
        assert set(stream.items("stores.recovery.seatrial.dev/v1")) == {"vault"}


def test_a_custom_resource_that_comes_late_is_waited_for_by_name(api, kube, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "first list of a watch", 0.5)
    with (
        pytest.raises(NotReady, match="restores") as caught,
        Stream(kube, ("restores.recovery.seatrial.dev/v1",), "x"),
    ):
        pass
    assert "the server knows no restores there" in caught.value.seen or "404" in caught.value.seen
    threading.Timer(0.2, api.define, ("restores.recovery.seatrial.dev/v1", "Restore")).start()
    with Stream(kube, ("restores.recovery.seatrial.dev/v1",), "x") as stream:
        assert stream.items("restores.recovery.seatrial.dev/v1") == {}


@pytest.mark.parametrize("name", ["podz", "restores.recovery.seatrial.dev", "restores/v1", ""])
def test_a_kind_that_is_none_is_refused_before_anything_is_asked(name, kube):
    with pytest.raises(BadInput, match=r"plural\.group/version"):
        Stream(kube, (name,))


def test_leases_are_those_of_nodes_whatever_namespace_is_watched(api, kube):
    api.put("leases", "n1", "kube-node-lease", spec={"holderIdentity": "n1"})
    api.put("leases", "some-leader", "x")
    with Stream(kube, ("leases",), "x") as stream:
        assert set(stream.items("leases")) == {"n1"}


def test_what_only_lies_around_may_be_forbidden_and_the_rest_is_watched(api, kube):
    api.forbidden |= {"leases", "events"}
    kept = Kept()
    with Stream(kube, ("pods", "leases", "events"), "x", kept) as stream:
        api.put("pods", "a", "x")
        wait(stream, lambda s: None if "a" in s.items("pods") else "no a", SOON)
        assert "watch of leases: " in stream.trouble
        assert "leases is forbidden" in stream.trouble
        assert stream.items("leases") == {}
    gaps = {op.value["resource"]: op.value["reason"] for op in kept.of("gap")}
    assert set(gaps) == {"leases", "events"}
    assert gaps["leases"].startswith("leases is forbidden")


def test_what_is_judged_may_not_be_forbidden(api, kube, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "first list of a watch", 0.5)
    api.forbidden.add("pods")
    with pytest.raises(NotReady, match="no list of pods"), Stream(kube, ("pods", "leases"), "x"):
        pass


def test_a_server_that_is_only_in_trouble_is_no_server_that_forbids(api, kube, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "first list of a watch", 0.5)
    api.refuse += [503] * 50
    with pytest.raises(NotReady, match="no list of leases"), Stream(kube, ("leases",), "x"):
        pass


def test_rights_that_come_later_are_used_and_one_gap_tells_of_the_time_before(
    api, kube, monkeypatch
):
    monkeypatch.setattr("seatrial.kube.watch._RIGHTS", 0.05)
    api.forbidden.add("leases")
    api.put("leases", "n1", "kube-node-lease")
    kept = Kept()
    with Stream(kube, ("leases",), "x", kept) as stream:
        wait(stream, named("forbidden"), SOON)
        api.forbidden.clear()
        wait(stream, lambda s: None if "n1" in s.items("leases") else "no n1", SOON)
        assert stream.trouble == ""
    assert [op.what for op in kept.ops] == ["gap", "lease"]


def test_what_is_forbidden_is_not_asked_for_again_and_again(api, kube):
    asked = []

    class Noted(set):
        """What is forbidden, and how often it was asked for."""

        def __contains__(self, plural):
            asked.append(plural)
            return super().__contains__(plural)

    api.forbidden = Noted({"leases"})
    with Stream(kube, ("leases",), "x") as stream, pytest.raises(NotReady):
        wait(stream, lambda _: "nothing", Limit("a moment", 0.6))
    assert asked == ["leases"]
