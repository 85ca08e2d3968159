"""Probes ask and write down; what could not be asked shows nothing."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import websocket
from kubernetes.stream import ws_client

from seatrial.errors import ToolFailed
from seatrial.kube import inside
from seatrial.kube.client import Kube, connect
from seatrial.kube.objects import Pod
from seatrial.model import Outcome, Profile
from seatrial.probes import PROBES, identity
from seatrial.testing import FakeApi, Kept
from seatrial.timing import Limit

QUESTIONS = {"hostname": ("hostname",), "token": ("cat", "/data/token")}
PROFILE = Profile("p", "s", "f", "m", "web", "web", 3, "main", (), (), QUESTIONS)
POD = msgspec.convert({"metadata": {"name": "web-1", "namespace": "x", "uid": "u"}}, Pod)


def asked(answers: dict[tuple[str, ...], str]) -> tuple[Kept, list[tuple[str, str, str]]]:
    """Ask a member that knows these answers only."""
    kept, places = Kept(), []

    def run(space: str, pod: str, container: str, argv: Sequence[str], _: Limit) -> str:
        places.append((space, pod, container))
        if tuple(argv) not in answers:
            raise ToolFailed("the question", seen="container not found")
        return answers[tuple(argv)]

    identity.ask(cast("Kube", SimpleNamespace(run=run)), PROFILE, 1, POD, kept)
    kept.ops.sort(key=lambda op: op.process)
    return kept, places


def test_every_question_of_the_profile_is_asked_in_the_members_own_container():
    kept, places = asked({("hostname",): "web-1\n", ("cat", "/data/token"): "t"})
    assert places == [("x", "web-1", "main")] * 2
    assert [dict(op.value) for op in kept.ops] == [
        {"ordinal": 1, "pod": "web-1", "uid": "u", "question": question, "answer": answer}
        for question, answer in (("hostname", "web-1"), ("token", "t"))
    ]
    assert {op.outcome for op in kept.ops} == {Outcome.OK}
    assert all(op.invoked <= op.completed for op in kept.ops)


def test_a_question_that_was_not_answered_is_unknown_and_does_not_stop_another():
    kept, _ = asked({("cat", "/data/token"): "t"})
    assert [op.outcome for op in kept.ops] == [Outcome.INFO, Outcome.OK]
    assert "container not found" in kept.ops[0].value["answer"]


@pytest.mark.parametrize("second", ["web-1", ""])
def test_an_empty_answer_shows_nothing_until_it_was_given_twice(second):
    said = iter(["\n", second])
    kept = Kept()
    profile = replace(PROFILE, ask={"hostname": ("hostname",)})
    identity.ask(cast("Kube", SimpleNamespace(run=lambda *_: next(said))), profile, 1, POD, kept)
    assert [op.outcome for op in kept.ops] == [Outcome.INFO, Outcome.OK]
    assert kept.ops[1].value["answer"] == second


def test_the_table_names_every_probe():
    assert PROBES["identity"] is identity.ask


class Session:
    """An exec that ends as its test wants."""

    def __init__(self, error: Exception | None = None, status: str = "", *, still: bool = False):
        self.error, self.status, self.still = error, status, still
        self.sock = SimpleNamespace(shutdown=lambda: None)
        self.closed = False

    def run_forever(self, timeout: float) -> None:
        assert timeout == 1.5
        if self.error:
            raise self.error

    def is_open(self) -> bool:
        return self.still

    def read_stdout(self, **_: Any) -> str:
        return "out"

    def read_stderr(self, **_: Any) -> str:
        return "err"

    def read_channel(self, _: int) -> str:
        return self.status

    def close(self) -> None:
        self.closed = True


def ran(session: Session, monkeypatch, tmp_path) -> str:
    monkeypatch.setattr(inside, "_opened", lambda *_: session)
    api = FakeApi(host="http://127.0.0.1:1")
    kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
    return kube.run("x", "web-1", "main", ["hostname"], Limit("a command", 1.5))


def test_a_command_that_succeeds_gives_its_output(monkeypatch, tmp_path):
    session = Session(status='{"status": "Success"}')
    assert ran(session, monkeypatch, tmp_path) == "out"
    assert session.closed


@pytest.mark.parametrize(
    ("session", "sentence"),
    [
        (Session(status='{"status": "Failure", "message": "exit code 3"}'), "exit code 3: err"),
        (Session(), "no exit status: err"),
        (Session(still=True), r"not done after 1\.5 s"),
        (Session(websocket.WebSocketConnectionClosedException("gone")), "connection was lost"),
        (Session(ConnectionResetError("reset")), "connection was lost: reset"),
    ],
)
def test_a_command_that_does_not_is_a_sentence(session, sentence, monkeypatch, tmp_path):
    with pytest.raises(ToolFailed, match=sentence) as caught:
        ran(session, monkeypatch, tmp_path)
    assert caught.value.wanted == "`hostname` in x/web-1 (main)"
    assert session.closed


@pytest.mark.parametrize(("renewed", "tries"), [(True, 2), (False, 1)])
def test_a_command_whose_credentials_expired_is_run_again_only_with_new_ones(
    renewed, tries, monkeypatch, tmp_path
):
    calls = []

    def refused(*_: object, **__: object) -> None:
        calls.append(1)
        raise ValueError("(0)\nReason: Handshake status 401 Unauthorized -+-+- {'date': 'today'}")

    monkeypatch.setattr(ws_client, "websocket_call", refused)
    monkeypatch.setattr("seatrial.kube.credentials.Credentials.renewed", lambda *_: renewed)
    kube = connect(FakeApi(host="http://127.0.0.1:1").kubeconfig(tmp_path / "kubeconfig"))
    with pytest.raises(ToolFailed) as caught:
        kube.run("x", "web-1", "main", ["hostname"], Limit("a command", 1.5))
    assert caught.value.seen == "Unauthorized"
    assert "the credentials have expired" in caught.value.remedy
    assert len(calls) == tries
