"""The driver's program as its pod runs it: a real process, a real ledger, a real DNS server."""

from __future__ import annotations

import ast
import itertools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial import history
from seatrial.places import carried
from seatrial.testing import fake_dns
from seatrial.testing.manned import ASKED, NAME, PROGRAM, Manned, manned, of, refusal, todo

LEDGER = carried("fixtures") / "ledger"
STUB = """\
def record(writer, seq, value, previous):
    return dict(writer=writer, seq=seq, value=value, previous=previous, crc=seq * 7)
def write(host, record, timeout):
    {write}
def read(host, timeout):
    {read}
"""


@dataclass
class Ledger:
    """A ledger that comes back at the same port, and on the same disk unless that is removed."""

    folder: Path
    port: int = 0
    child: subprocess.Popen[str] | None = None

    def start(self) -> None:
        env = {**os.environ, "LEDGER_DATA": str(self.folder), "LEDGER_PORT": str(self.port)}
        argv = [sys.executable, "-B", "-u", str(LEDGER / "image" / "ledger.py"), "serve"]
        self.folder.mkdir(exist_ok=True)
        self.child = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout
        self.port = json.loads(self.child.stdout.readline())["listening"]
        self.child.stdout.readline()

    def kill(self) -> None:
        assert self.child
        self.child.kill()
        self.child.communicate()

    def records(self) -> list[tuple[str, int, int]]:
        lines = (self.folder / "ledger").read_bytes().splitlines()
        found = [json.loads(line) for line in lines]
        return [(one["writer"], one["seq"], one["crc"]) for one in found]


def acknowledged(folder: Path) -> set[tuple[str, int, int]]:
    values = [op.value for op in of(folder, "write") if op.outcome == "ok"]
    return {(v["writer"], v["seq"], v["crc"]) for v in values}


@contextmanager
def driver(folder: Path, job: object, client: str = str(LEDGER / "client.py")) -> Iterator[Manned]:
    with manned(folder, job, client) as found:
        yield found


def stub(folder: Path, write: str = "return 'ok', 200, ''", read: str = "return []") -> str:
    path = folder / "client.py"
    path.write_text(STUB.format(write=write, read=read))
    return str(path)


@pytest.fixture
def ledger(tmp_path):
    with ExitStack() as stack:
        found = Ledger(tmp_path / "data")
        found.start()
        stack.callback(found.kill)
        yield found


def test_it_needs_nothing_but_the_standard_library_and_the_files_beside_it():
    own = {path.stem for path in PROGRAM.glob("*.py")}
    trees = [ast.parse(path.read_text()) for path in PROGRAM.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= own | sys.stdlib_module_names


def test_every_acknowledged_write_is_in_the_ledger_and_follows_the_one_before(tmp_path, ledger):
    with driver(tmp_path, todo(ledger.port, writers_per_member=2)) as found:
        found.until_acknowledged(60)
        counts = found.stop()
    assert counts.keys() == {"client/w0.0-ab12", "client/w0.1-ab12"}
    ops = of(found.folder, "write")
    assert len(ops) == sum(counts.values()) >= 60
    assert acknowledged(found.folder) == set(ledger.records())
    for process in counts:
        values = [op.value for op in ops if op.process == process]
        assert [v["seq"] for v in values] == list(range(1, len(values) + 1))
        assert [v["previous"] for v in values] == [0, *(v["crc"] for v in values[:-1])]
        assert {v["answer"] for v in values} == {201}


def test_nothing_acknowledged_is_lost_when_the_ledger_is_killed_and_what_is_open_is_sent_again(
    tmp_path, ledger
):
    with driver(tmp_path, todo(ledger.port)) as found:
        for count in (20, 40, 60):
            found.until_acknowledged(count)
            ledger.kill()
            found.until_attempted(found.ask("GET", "/counts")["members"]["0"]["attempts"] + 10)
            ledger.start()
        found.until_acknowledged(80)
        found.stop()
    assert acknowledged(found.folder) <= set(ledger.records())
    ops = of(found.folder, "write")
    assert sum(op.outcome == "info" for op in ops) >= 30
    for open_, again in itertools.pairwise(ops):
        same = all(again.value[k] == open_.value[k] for k in ("seq", "crc", "value", "previous"))
        assert same == (open_.outcome == "info")
    assert {record[:2] for record in ledger.records()} <= {
        (op.value["writer"], op.value["seq"]) for op in ops
    }


def test_a_member_that_lost_its_disk_is_taken_up_where_it_says_and_that_is_noted(tmp_path, ledger):
    with driver(tmp_path, todo(ledger.port)) as found:
        found.until_acknowledged(20)
        ledger.kill()
        shutil.rmtree(ledger.folder)
        ledger.start()
        found.until_acknowledged(50)
        found.stop()
    refused = [op for op in of(found.folder, "write") if op.value["answer"] == 409]
    assert [op.outcome for op in refused] == ["fail"]
    noted = [op.value for op in of(found.folder, "write") if "goes on from seq" in op.value["note"]]
    assert [(v["seq"], v["previous"]) for v in noted] == [(1, 0)]
    assert set(ledger.records()) <= acknowledged(found.folder)


def test_an_outage_shows_in_how_late_the_next_attempt_starts(tmp_path):
    hang = "import time; time.sleep(9) if record['seq'] == 5 else None; return 'ok', 200, ''"
    job = todo(timeout=0.3, rate=50)
    with driver(tmp_path, job, stub(tmp_path, hang)) as found:
        found.until_attempted(7)
        found.stop()
    ops = of(found.folder, "write")
    assert [op.outcome for op in ops[:6]] == ["ok"] * 4 + ["info"] * 2
    assert 0.4 < ops[4].completed - ops[4].invoked < 2
    assert max(op.value["late"] for op in ops[:5]) < 0.3
    assert ops[5].value["late"] > 0.4


@pytest.mark.parametrize(
    ("write", "note"),
    [
        ("raise OSError('no route')", "OSError: no route"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return None", "the client answered None"),
        ("return 'okay', 200, ''", "the client answered ('okay', 200, '')"),
        ("return 'ok', '200', ''", "the client answered ('ok', '200', '')"),
        ("return 'fail', 409, '', 7", "the client answered ('fail', 409, '', 7)"),
        ("return 'info', 500, '\\udce9'", "?"),
        ("return write(host, record, timeout)", "RecursionError: "),
    ],
)
def test_whatever_a_client_does_instead_of_answering_is_unknown(tmp_path, write, note):
    with driver(tmp_path, todo(), stub(tmp_path, write)) as found:
        found.until_attempted(3)
        found.stop()
    ops = of(found.folder, "write")
    assert {op.outcome for op in ops} == {"info"}
    assert all(op.value["note"].startswith(note) for op in ops)
    assert {op.value["seq"] for op in ops} == {1}


def test_a_record_that_cannot_be_made_was_certainly_not_sent(tmp_path):
    path = Path(stub(tmp_path))
    path.write_text(path.read_text().replace("return dict", "1 / (3 - seq)\n    return dict", 1))
    with driver(tmp_path, todo(), str(path)) as found:
        found.until_attempted(4)
        found.stop()
    third = of(found.folder, "write")[2]
    assert (third.outcome, third.value["seq"]) == ("fail", 3)
    assert third.value["note"].startswith("not sent: ZeroDivisionError")


def test_a_killed_driver_leaves_a_whole_spool_and_its_second_boot_shows(tmp_path, ledger):
    with driver(tmp_path, todo(ledger.port)) as found:
        boot = found.ask("GET", "/now")["boot"]
        found.until_acknowledged(30)
        found.child.send_signal(signal.SIGKILL)
        found.child.wait(20)
    before = acknowledged(found.folder)
    assert len(before) >= 30
    assert before <= set(ledger.records())
    with driver(tmp_path, todo(ledger.port)) as found:
        now = found.ask("GET", "/now")
        assert (now["boots"], now["boot"] != boot) == (2, True)
        found.until_acknowledged(10)
        counts = found.stop()
    assert counts["client/w0-ab12"] == len(before)
    assert counts["client/w0-ab12-b2"] >= 10
    assert before < acknowledged(found.folder) <= set(ledger.records())


def test_a_line_cut_short_stays_one_lost_op_and_spoils_no_other(tmp_path, ledger):
    (tmp_path / "spool").mkdir()
    cut = tmp_path / "spool" / "client%2Fw0-ab12-b2.jsonl"
    cut.write_bytes(b'{"process":"client/w0-ab12-b2","wha')
    (tmp_path / "spool" / "boots").write_text("{}\n")
    with driver(tmp_path, todo(ledger.port)) as found:
        found.until_acknowledged(10)
        counts = found.stop()
    spool = history.read_spool(cut.read_bytes())
    assert (spool.torn, len(spool.ops)) == (1, counts["client/w0-ab12-b2"] - 1)


def test_a_full_disk_is_told_and_what_is_missing_can_be_counted(tmp_path, ledger):
    with driver(tmp_path, todo(ledger.port)) as found:
        _, hard = resource.prlimit(found.child.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(found.child.pid, resource.RLIMIT_FSIZE, (3000, hard))
        found.until_acknowledged(40)
        assert "File too large" in found.ask("GET", "/now")["trouble"]
        counts = found.stop()
    (path,) = found.folder.glob("client*.jsonl")
    assert len(history.read_spool(path.read_bytes()).ops) < counts["client/w0-ab12"]


def test_sigterm_ends_it_with_all_told(tmp_path, ledger):
    with fake_dns() as names, driver(tmp_path, todo(ledger.port, (names.server,))) as found:
        found.until_acknowledged(5)
        found.until_answer(code="NXDOMAIN")
        found.child.terminate()
        assert found.child.wait(20) == 0
    assert of(found.folder, "dns")[-1].value["times"] > 1


MEMBER = todo()["members"][0]


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("\udce9", "no job in"),
        ({}, "KeyError: 'members'"),
        (todo(rate=0), "rate must be above 0"),
        (todo(rate="fast"), "could not convert"),
        (todo(timeout=float("inf")), "timeout must be above 0"),
        (todo(members=[7]), "no job in"),
        (todo(members=[MEMBER, MEMBER]), "an ordinal stands twice"),
        (todo(members=[{"ordinal": 0}]), "KeyError: 'name'"),
    ],
    ids=lambda value: None if isinstance(value, str) else "job",
)
def test_a_job_that_is_none_is_refused_in_one_line(tmp_path, job, said):
    if job == "\udce9":
        job = "\x00"
    assert said in refusal(tmp_path, job)


def test_a_job_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DRIVER_JOB", str(tmp_path / "no.json"))
    argv = [sys.executable, "-B", str(PROGRAM / "main.py")]
    said = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert "no.json" in said.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "client.py defines no record, write, read"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        ("1/0", "ZeroDivisionError"),
        (STUB.format(write="pass", read="pass").replace("return dict", "return list"), "record()"),
        (STUB.format(write="pass", read="pass").replace("crc=", "sum="), "record(): KeyError"),
    ],
)
def test_a_client_that_is_none_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "client.py").write_text(text)
    assert said in refusal(tmp_path, todo(), str(tmp_path / "client.py"))


def test_a_client_that_is_not_there_is_refused(tmp_path):
    assert "client.py cannot be loaded" in refusal(tmp_path, todo(), str(tmp_path / "client.py"))


def test_a_port_in_use_is_refused(tmp_path):
    with socket.create_server(("", 0)) as taken:
        assert "in use" in refusal(tmp_path, todo(), port=taken.getsockname()[1])


def test_a_change_of_an_address_is_told_with_how_long_the_old_one_stood(tmp_path):
    with fake_dns() as names, driver(tmp_path, todo(servers=(names.server,)), "") as found:
        for addresses in (["10.0.0.1"], None, ["10.0.0.3", "10.0.0.2"]):
            names.addresses = {ASKED: addresses} if addresses else {}
            code = "NOERROR" if addresses else "NXDOMAIN"
            found.until_answer(addresses=sorted(addresses or []), code=code)
            asked = names.asked[ASKED]
            while names.asked[ASKED] < asked + 3:
                found.ask("GET", "/names", wait=0.02, settled='{"nobody": "x"}')
        counts = found.stop()
    ops = [op for op in of(found.folder, "dns") if op.value["code"] != "NXDOMAIN" or op.index]
    told = [(op.value["code"], tuple(op.value["addresses"])) for op in ops]
    first = told.index(("NOERROR", ("10.0.0.1",)))
    assert told[first:] == [
        ("NOERROR", ("10.0.0.1",)), ("NOERROR", ("10.0.0.1",)),
        ("NXDOMAIN", ()), ("NXDOMAIN", ()),
        ("NOERROR", ("10.0.0.2", "10.0.0.3")), ("NOERROR", ("10.0.0.2", "10.0.0.3")),
    ]  # fmt: skip
    for begin, end in zip(ops[first::2], ops[first + 1 :: 2], strict=True):
        assert (begin.value["times"], begin.value["since"]) == (1, begin.invoked)
        assert end.value["times"] > 2
        assert end.value["since"] == begin.invoked < end.invoked
    assert {op.outcome for op in ops} == {"ok"}
    assert counts == {f"dns/{names.server}": len(ops)}


@pytest.mark.parametrize(
    ("mood", "outcome", "code"),
    [
        ("", "ok", "NOERROR"),
        ("truncate", "ok", "NOERROR"),
        ("stranger", "ok", "NOERROR"),
        ("servfail", "ok", "SERVFAIL"),
        ("silent", "info", "TIMEOUT"),
        ("garbage", "info", "MALFORMED"),
    ],
)
def test_a_server_in_any_mood_is_told_as_it_is(tmp_path, mood, outcome, code):
    with fake_dns() as names, driver(tmp_path, todo(servers=(names.server,)), "") as found:
        names.mood, names.addresses = mood, {ASKED: ["10.0.0.1"]}
        addresses = ["10.0.0.1"] if code == "NOERROR" else []
        found.until_answer(outcome=outcome, code=code, addresses=addresses)


def test_a_server_that_is_not_there_holds_up_no_other(tmp_path):
    with fake_dns() as names, fake_dns() as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        names.addresses, silent.mood = {ASKED: ["10.0.0.1"]}, "silent"
        job = todo(servers=(names.server, silent.server, nobody), dns_timeout=1.0)
        with driver(tmp_path, job, "") as found:
            settled = json.dumps({NAME: "10.0.0.1"})
            said = found.ask("GET", "/names", wait=10, settled=settled)
            assert said["met"]
            assert not found.ask("GET", "/names", wait=0.2, settled='{"x": "10.0.0.1"}')["met"]
            codes = {one["server"]: one["code"] for one in found.ask("GET", "/names")["names"]}
    assert codes[nobody] == "UNREACHABLE"
    assert codes[names.server] == "NOERROR"
    assert names.asked[ASKED] > silent.asked[ASKED] * 5


def test_members_are_read_whole_and_once_an_order(tmp_path, ledger):
    with driver(tmp_path, todo(ledger.port)) as found:
        found.until_acknowledged(20)
        order = {"id": "one", "phase": "final", "wait": 20}
        assert found.ask("POST", "/read", order)["met"]
        assert found.ask("POST", "/read", order)["met"]
        found.stop()
    (op,) = of(found.folder, "read")
    assert (op.process, op.outcome, op.value["phase"]) == ("reader/0", "ok", "final")
    records = [tuple(record[:3]) for record in op.value["records"]]
    assert records == ledger.records()[: len(records)]
    assert len(records) >= 20
    assert op.value["corrupt"] == []


@pytest.mark.parametrize(
    ("read", "note", "count"),
    [
        ("yield record('w', 1, 'x', 0); raise OSError('cut')", "OSError: cut", 1),
        ("yield record('w', 1, 'x', 0); import time; time.sleep(99)", "TimeoutError: not", 1),
        ("yield 7", "TypeError", 0),
        ("yield {'seq': 1}", "KeyError", 0),
        ("return None", "TypeError", 0),
    ],
)
def test_a_reading_that_does_not_reach_the_end_is_unknown_and_keeps_what_it_got(
    tmp_path, read, note, count
):
    client = stub(tmp_path, read=read)
    with driver(tmp_path, todo(read_timeout=0.3), client) as found:
        assert found.ask("POST", "/read", {"id": "1", "phase": "p", "wait": 20})["met"]
        found.stop()
    (op,) = of(found.folder, "read")
    assert (op.outcome, len(op.value["records"])) == ("info", count)
    assert op.value["note"].startswith(note)


def test_what_a_member_calls_corrupt_is_kept_beside_its_records(tmp_path):
    read = "yield {'corrupt': 'line 1'}; yield record('w', 2, 'x', 7)"
    with driver(tmp_path, todo(), stub(tmp_path, read=read)) as found:
        found.ask("POST", "/read", {"id": "1", "phase": "p", "wait": 20})
        found.stop()
    (op,) = of(found.folder, "read")
    assert (op.value["corrupt"], op.value["records"]) == (["line 1"], [["w", 2, 14, 7]])
    assert op.outcome == "ok"


def test_a_question_is_held_until_it_is_so_or_time_is_up(tmp_path, ledger):
    with driver(tmp_path, todo(ledger.port, rate=20)) as found:
        began = time.monotonic()
        found.until_acknowledged(10)
        assert time.monotonic() - began > 0.3
        assert not found.ask("GET", "/counts", wait=0.2, need='{"0": 100000}')["met"]
        found.stop()
        found.stop()


def test_a_spool_is_fetched_from_any_place_on(tmp_path, ledger):
    with driver(tmp_path, todo(ledger.port)) as found:
        found.until_acknowledged(20)
        (process,) = found.stop()
        _, whole = found.raw("GET", "/spool", process=process)
        _, begin = found.raw("GET", "/spool", process=process, most=100)
        _, rest = found.raw("GET", "/spool", process=process, offset=100)
        _, nothing = found.raw("GET", "/spool", process=process, offset=len(whole))
    assert begin + rest == whole
    assert nothing == b""


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("POST", "/now", {}, 404),
        ("GET", "/spool", None, 400),
        ("GET", "/spool?process=a&offset=x", None, 400),
        ("GET", "/spool?process=..%2Fboots", None, 404),
        ("GET", "/counts?need=7", None, 400),
        ("GET", "/counts?need=%7B%227%22:1%7D", None, 400),
        ("GET", "/counts?wait=nan", None, 400),
        ("GET", "/names?settled=%5B%5D", None, 400),
        ("POST", "/read", {}, 400),
        ("POST", "/read", [], 400),
        ("POST", "/read", {"id": "1", "phase": "p", "wait": "x"}, 400),
    ],
)
def test_a_wrong_question_is_answered_with_a_sentence(tmp_path, method, path, body, status):
    with driver(tmp_path, todo(), "") as found:
        said, data = found.raw(method, path, body)
    assert (said, bool(json.loads(data)["error"])) == (status, True)
