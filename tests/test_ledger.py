"""The default subject as its container runs it: a real process on loopback, killed for real."""

from __future__ import annotations

import http.client
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried
from seatrial.testing.served import Served, served

IMAGE = carried("fixtures") / "ledger" / "image"
PROGRAM = [sys.executable, "-B", "-u", str(IMAGE / "ledger.py")]


class Member(Served):
    """One running ledger."""

    def records(self, query: str = "") -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ask(f"/ledger{query}")[1].splitlines()]

    def whoami(self) -> dict[str, Any]:
        status, said = self.ask("/whoami")
        assert status == 200
        found: dict[str, Any] = json.loads(said)
        return found

    def end(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(20)


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "LEDGER_DATA": str(folder), "LEDGER_PORT": "0", **more}


@contextmanager
def member(folder: Path, **more: str) -> Iterator[Member]:
    env = environment(folder, POD_NAME="ledger-2", **more)
    with served([*PROGRAM, "serve"], env) as found:
        yield Member(**vars(found))


@pytest.fixture
def alive(tmp_path):
    with member(tmp_path) as found:
        yield found


def run(folder: Path, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = environment(folder, **more)
    return subprocess.run(
        [*PROGRAM, command], env=env, capture_output=True, text=True, check=False, timeout=20
    )


def crc(writer: str, seq: int, value: str, previous: int) -> int:
    return zlib.crc32(json.dumps([writer, seq, value, previous], separators=(",", ":")).encode())


def chain(writer: str, link: tuple[int, int] = (0, 0), size: int = 8) -> Iterator[dict[str, Any]]:
    """Give the records of a writer from where its chain stands, without end."""
    seq, previous = link
    while True:
        seq += 1
        value = f"{seq:0{size}d}"
        yield {"writer": writer, "seq": seq, "value": value, "previous": previous}
        previous = crc(writer, seq, value, previous)


def first(count: int, writer: str = "w") -> list[dict[str, Any]]:
    return [each for each, _ in zip(chain(writer), range(count), strict=False)]


def filled(found: Member, count: int, writer: str = "w") -> list[dict[str, Any]]:
    records = first(count, writer)
    assert {found.ask("/append", each)[0] for each in records} <= {201}
    return records


def with_crc(each: dict[str, Any]) -> dict[str, Any]:
    return {**each, "crc": crc(each["writer"], each["seq"], each["value"], each["previous"])}


def missing(acked: list[dict[str, Any]], held: list[dict[str, Any]]) -> set[str]:
    return {json.dumps(r, sort_keys=True) for r in acked} - {
        json.dumps(r, sort_keys=True) for r in held
    }


def test_an_acknowledgement_says_what_was_written_and_who_wrote_it(alive):
    (each,) = first(1)
    status, said = alive.ask("/append", each)
    crc_ = with_crc(each)["crc"]
    assert (status, json.loads(said)) == (
        201, {"writer": "w", "seq": 1, "crc": crc_, "ordinal": 2},
    )  # fmt: skip
    assert alive.records() == [with_crc(each)]


def test_the_same_record_again_gets_the_same_acknowledgement(alive):
    records = filled(alive, 3)
    again = [alive.ask("/append", each) for each in records]
    assert [status for status, _ in again] == [200, 200, 200]
    assert [json.loads(said)["seq"] for _, said in again] == [1, 2, 3]
    assert len(alive.records()) == 3


def test_a_conflict_is_answered_with_what_is_due(alive):
    records = filled(alive, 2)
    status, said = alive.ask("/append", {**records[1], "value": "another"})
    assert status == 409
    assert json.loads(said)["due"] == {"seq": 3, "previous": with_crc(records[1])["crc"]}


def test_the_ledger_is_read_by_writer_and_from_a_number_on(alive):
    filled(alive, 3, "a")
    filled(alive, 2, "b")
    assert [(r["writer"], r["seq"]) for r in alive.records("?writer=a&after=1")] == [
        ("a", 2), ("a", 3),
    ]  # fmt: skip
    assert len(alive.records("?after=2")) == 1


@pytest.mark.parametrize(
    "body",
    [
        [], {}, "text", 7,
        {"writer": "w", "seq": 1, "value": "x"},
        {"writer": "w", "seq": True, "value": "x", "previous": 0},
        {"writer": "w", "seq": "1", "value": "x", "previous": 0},
        {"writer": "", "seq": 1, "value": "x", "previous": 0},
        {"writer": "w", "seq": 0, "value": "x", "previous": 0},
        {"writer": "w", "seq": 1, "value": "x", "previous": 2**32},
        {"writer": "w", "seq": 1, "value": "x" * (1 << 20), "previous": 0},
        {"writer": "w", "seq": 1, "value": "x", "previous": 0, "crc": 1},
    ],
    ids=lambda body: repr(body)[-40:],
)  # fmt: skip
def test_what_is_no_record_is_refused_and_the_next_one_taken(alive, body):
    assert alive.ask("/append", body)[0] == 400
    filled(alive, 1)


@pytest.mark.parametrize("path", ["/", "/nothing", "/ledger?after=-1", "/ledger?wirter=w"])
def test_a_wrong_question_gets_a_sentence(alive, path):
    status, said = alive.ask(path)
    assert status in {400, 404}
    assert json.loads(said)["error"]


def test_a_member_tells_who_it_is_and_keeps_its_token(tmp_path):
    with member(tmp_path) as found:
        before = found.whoami()
        assert before["hostname"] == socket.gethostname()
        assert (before["ordinal"], before["records"], before["corrupt"]) == (2, 0, [])
        assert found.end(signal.SIGTERM) == 0
    with member(tmp_path) as found:
        after = found.whoami()
    assert (after["token"], after["token_born"]) == (before["token"], before["token_born"])
    assert after["boot"] != before["boot"]
    assert run(tmp_path, "token").stdout.strip() == before["token"]
    assert run(tmp_path, "hostname").stdout.strip() == socket.gethostname()


def writing(found: Member, links: dict[str, tuple[int, int]], writer: str, acked: list[Any]):
    """Append until the member dies; put on `acked` what it acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", found.port, timeout=20)
    try:
        for each in chain(writer, links.get(writer, (0, 0)), 500):
            connection.request("POST", "/append", json.dumps(each))
            answer = connection.getresponse()
            answer.read()
            if answer.status == 400:  # it was leaving, and hung up before the body had come
                return
            assert answer.status in {200, 201}
            acked.append(with_crc(each))
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()


def test_what_was_acknowledged_outlives_many_kills_in_the_middle_of_writing(tmp_path):
    draw = random.Random(7)  # noqa: S311 - repeatable on purpose
    acked: list[dict[str, Any]] = []
    for _ in range(15):
        with member(tmp_path) as found:
            held = found.records()
            links = {r["writer"]: (r["seq"], r["crc"]) for r in held}
            assert missing(acked, held) == set()
            threads = [
                threading.Thread(target=writing, args=(found, links, f"w{n}", acked))
                for n in range(3)
            ]
            for thread in threads:
                thread.start()
            threads[0].join(draw.uniform(0.01, 0.1))
            assert found.end(signal.SIGKILL) == -signal.SIGKILL
            for thread in threads:
                thread.join()
    assert len(acked) > 30
    assert run(tmp_path, "verify").stdout == "whole\n"
    with member(tmp_path) as found:
        assert missing(acked, found.records()) == set()


def test_a_torn_tail_is_cut_off_and_counted(tmp_path):
    with member(tmp_path) as found:
        filled(found, 2)
    with (tmp_path / "ledger").open("ab") as file:
        file.write(b'{"writer":"w","se')
    with member(tmp_path) as found:
        assert (found.whoami()["torn"], found.whoami()["records"]) == (17, 2)
        assert found.ask("/append", first(3)[2])[0] == 201
    assert run(tmp_path, "verify").stdout == "whole\n"


def spoil(folder: Path) -> None:
    path = folder / "ledger"
    path.write_bytes(path.read_bytes().replace(b"00000002", b"00000009"))


def is_told_corrupt(found: Member) -> None:
    _, said = found.ask("/ledger?writer=nobody")
    assert '"corrupt": "line 2: crc ' in said
    assert found.whoami()["corrupt"][0].startswith("line 2: crc ")
    assert found.ask("/readyz")[0] == 503
    assert found.ask("/append", first(5)[4])[0] == 500
    assert found.ask("/ledger")[0] == 500


def test_a_corrupt_middle_is_told_and_never_served_as_fine(tmp_path):
    with member(tmp_path) as found:
        filled(found, 4)
    spoil(tmp_path)
    with member(tmp_path) as found:
        is_told_corrupt(found)
        assert [r["seq"] for r in found.records() if "seq" in r] == [1, 3, 4]
    said = run(tmp_path, "verify")
    assert (said.returncode, said.stdout.split(":")[0]) == (1, "line 2")


def test_corruption_while_it_serves_is_noticed_by_the_next_reader(tmp_path):
    with member(tmp_path) as found:
        filled(found, 4)
        spoil(tmp_path)
        is_told_corrupt(found)


def test_a_full_disk_refuses_loudly_and_goes_on_when_there_is_room(tmp_path):
    with member(tmp_path) as found:
        pid, soft = found.process.pid, resource.RLIMIT_FSIZE
        _, hard = resource.prlimit(pid, soft)
        resource.prlimit(pid, soft, (20_000, hard))
        answers = [found.ask("/append", each)[0] for each in first(300)]
        fitting = answers.index(507)
        assert answers == [201] * fitting + [507] + [409] * (299 - fitting)
        assert found.ask("/readyz")[0] == 200
        assert [r["seq"] for r in found.records()] == list(range(1, fitting + 1))
        resource.prlimit(pid, soft, (hard, hard))
        assert found.ask("/append", first(300)[fitting])[0] == 201
        assert 'ledger_appends_total{answer="507"} 1' in found.ask("/metrics")[1]
    assert run(tmp_path, "verify").stdout == "whole\n"


def test_sigterm_finishes_the_request_in_hand_then_exits_with_0(alive):
    body = json.dumps(first(1)[0]).encode()
    head = f"POST /append HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    idle, busy = (socket.create_connection(("127.0.0.1", alive.port), 20) for _ in range(2))
    with idle, busy:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        busy.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert busy.recv(4096).startswith(b"HTTP/1.1 100")
        alive.process.send_signal(signal.SIGTERM)
        while idle.recv(4096):
            pass  # The idle connection's end tells that it is leaving.
        busy.sendall(body)
        said = b"".join(iter(lambda: busy.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 201")
    assert b"Connection: close" in said
    assert alive.process.wait(20) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", alive.port), 20)


def test_a_request_cut_short_does_not_hold_up_its_end(alive):
    with socket.create_connection(("127.0.0.1", alive.port), 20) as silent:
        silent.sendall(
            b"POST /append HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        )
        assert silent.recv(4096).startswith(b"HTTP/1.1 100")
        assert alive.end(signal.SIGTERM) == 0


def test_a_load_that_is_stopped_loses_nothing_acknowledged(tmp_path):
    acked: list[dict[str, Any]] = []
    with member(tmp_path) as found:
        threads = [
            threading.Thread(target=writing, args=(found, {}, f"w{n}", acked)) for n in range(4)
        ]
        for thread in threads:
            thread.start()
        threads[0].join(0.3)
        assert found.end(signal.SIGTERM) == 0
        for thread in threads:
            thread.join()
    with member(tmp_path) as found:
        held = found.records()
        assert found.whoami()["torn"] == 0
    assert missing(acked, held) == set()
    assert acked


def rows_of(found: Member) -> dict[str, str]:
    lines = found.ask("/metrics")[1].splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_metrics_are_prometheus_text(alive):
    filled(alive, 5)
    rows = rows_of(alive)
    assert rows["ledger_records"] == "5"
    assert rows['ledger_appends_total{answer="201"}'] == "5"
    assert rows['ledger_fsync_seconds_bucket{le="+Inf"}'] == rows["ledger_fsync_seconds_count"]
    assert float(rows["ledger_fsync_seconds_sum"]) > 0


def test_what_is_counted_is_there_as_0_before_anybody_writes(alive):
    rows = rows_of(alive)
    assert rows["ledger_acknowledged_total"] == rows["ledger_failed_total"] == "0"
    assert abs(float(rows["process_start_time_seconds"]) - time.time()) < 60


def test_a_record_that_it_had_is_acknowledged_again_but_not_written_again(alive, tmp_path):
    (record,) = first(1)
    assert [alive.ask("/append", record)[0] for _ in range(2)] == [201, 200]
    assert alive.ask("/append", record | {"seq": 9})[0] == 409
    rows, line = rows_of(alive), (tmp_path / "ledger").read_bytes()
    assert rows["ledger_acknowledged_total"] == "2"
    assert rows["ledger_failed_total"] == "1"
    assert rows["ledger_written_bytes_total"] == str(len(line))


@pytest.mark.parametrize("words", [[], ["srve"], ["serve", "now"]])
def test_a_wrong_command_is_answered_with_the_right_ones(words):
    said = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (
        2, "wanted: ledger.py serve | hostname | token | verify\n",
    )  # fmt: skip


def test_a_spoilt_token_stops_the_start_with_a_sentence(tmp_path):
    (tmp_path / "token").write_text("not mine")
    said = run(tmp_path, "serve")
    assert said.returncode == 1
    assert "holds no token: 'not mine'" in said.stderr


@pytest.mark.parametrize(("name", "ordinal"), [("ledger-0", 0), ("a-b-17", 17), ("ledger", -1)])
def test_the_ordinal_is_the_last_number_of_the_pods_name(tmp_path, name, ordinal):
    argv = [sys.executable, "-B", "-c", "import ledger; print(ledger.ordinal())"]
    env = environment(tmp_path, POD_NAME=name, PYTHONPATH=str(IMAGE))
    said = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert int(said.stdout) == ordinal
