"""Visitors: Locust as a child of the driver's program, at a real session server; and their pods."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from seatrial import profiles
from seatrial.checks import CHECKS
from seatrial.errors import CannotRun
from seatrial.load import crowd, pod
from seatrial.places import carried
from seatrial.plan import head, planned
from seatrial.sessions import Sessions

FIXTURE = carried("fixtures") / "session"
MAIN = Path(pod.__file__).parent / "driver" / "main.py"
SPEC = importlib.util.spec_from_file_location("session", FIXTURE / "image" / "session.py")
assert SPEC
assert SPEC.loader
server = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(server)
PROFILE = profiles.load("session", known=CHECKS)
TOLD = cast("Sessions", PROFILE.sessions)


@contextmanager
def served():
    sessions = server.Sessions(server.Memory(), {"pod": "session-0", "uid": "u"})
    found = server.bound(sessions, 0)
    thread = threading.Thread(target=found.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found.server_address[1]
    finally:
        found.shutdown()
        found.server_close()
        thread.join()


@contextmanager
def driven(folder: Path, port: int, load: Path):
    """Run the driver's program with a Locust file; gives a function that asks it."""
    todo = crowd.job(replace(TOLD, timeout=1.0, margin=0.5), "trial-ab")
    ways = dict.fromkeys(("direct", "idle", "cookie"), f"localhost:{port}")
    todo["visits"] |= {"ways": ways, "first": socket.gethostname(), "browsers": 2}
    (folder / "job.json").write_text(json.dumps(todo))
    env = {**os.environ, "DRIVER_JOB": str(folder / "job.json"), "DRIVER_LOAD": str(load)}
    env |= {"DRIVER_CLIENT": "", "DRIVER_SPOOL": str(folder / "spool"), "DRIVER_PORT": "0"}
    (folder / "spool").mkdir()
    child = subprocess.Popen(
        [sys.executable, "-B", str(MAIN)], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        at = json.loads(cast("Any", child.stdout).readline())["listening"]

        def ask(path, body=None):
            data = None if body is None else json.dumps(body).encode()
            with urllib.request.urlopen(f"http://127.0.0.1:{at}{path}", data, 60) as answer:
                return answer.read()

        yield ask
    finally:
        child.terminate()
        child.communicate()


def test_visitors_visit_pause_and_browse_over_new_connections_and_leave_their_tables(tmp_path):
    need = "%7B%22direct%22:6,%22idle%22:3,%22cookie%22:4%7D"
    with served() as port, driven(tmp_path, port, FIXTURE / "load.py") as ask:
        said = {"met": False, "trouble": ""}
        while not said["met"] and not said["trouble"]:
            said = json.loads(ask(f"/calls?wait=30&need={need}"))
        ended = json.loads(ask("/stop", {}))
        (process,) = ended["counts"]
        ops = [json.loads(one) for one in ask(f"/spool?process={process}&offset=0").splitlines()]
        assert b"direct" in ask("/kept?name=locust_stats.csv")
        assert b"<html" in ask("/kept?name=locust.html")[:2000].lower()
        with pytest.raises(urllib.error.HTTPError):
            ask("/kept?name=../boots")
    assert (said["met"], said["trouble"], ended["trouble"]) == (True, "", "")
    assert len(ops) == ended["counts"][process]
    values = [op["value"] for op in ops]
    ports = [(v["source"], v["port"]) for v in values if v["status"]]
    assert len(set(ports)) == len(ports)
    steady = [v for v in values if v["way"] == "direct" and v["status"]]
    counts = {v["count"] for v in steady}
    assert len(counts) == len(steady)
    # Who was given up may have been counted all the same.
    assert max(counts) <= sum(v["way"] == "direct" for v in values)
    assert not any(v["lost"] for v in values if v["status"])
    idle = sorted((op for op in ops if op["value"]["way"] == "idle"), key=lambda op: op["invoked"])
    pauses = [b["invoked"] - a["completed"] for a, b in pairwise(idle)]
    assert pauses[0] >= 0.5
    assert pauses[1] >= 1.5


def test_a_locust_file_that_ends_by_itself_is_trouble_that_is_told(tmp_path):
    load = tmp_path / "load.py"
    load.write_text("raise SystemExit('no such thing')\n")
    said = ""
    with driven(tmp_path, 1, load) as ask:
        while not said:
            said = json.loads(ask("/calls?wait=1&need=%7B%22direct%22:1%7D"))["trouble"]
    assert "Locust ended by itself" in said


def test_a_member_that_does_not_know_a_session_says_so_and_a_rogue_hides_it():
    who = {"pod": "session-0", "uid": "u"}
    honest = server.Sessions(server.Memory(), who)
    first = honest.visit("s", "")
    assert (first["count"], first["lost"]) == (1, False)
    assert honest.visit("s", first["born"])["lost"] is False
    assert honest.visit("s", "another life")["lost"] is True
    hidden = server.Sessions(server.Memory(), who, hides=True).visit("s", "another life")
    assert (hidden["lost"], hidden["born"], hidden["count"]) == (False, "another life", 1)


def test_a_store_that_is_away_is_an_error_of_the_server():
    class Away:
        def visit(self, session):
            raise ConnectionError(session)

    found = server.bound(server.Sessions(Away(), {}), 0)
    thread = threading.Thread(target=found.serve_forever, args=(0.05,))
    thread.start()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{found.server_address[1]}/visit?session=s")
    found.shutdown()
    found.server_close()
    thread.join()
    caught.value.close()
    assert caught.value.code == 503


def test_each_visitor_is_a_pod_of_its_own_with_the_drivers_program():
    found = crowd.documents(TOLD, "trial-ab", "load:1", apart=True)
    pods = [one for one in found if one["kind"] == "Pod"]
    configs = {one["metadata"]["name"] for one in found if one["kind"] == "ConfigMap"}
    assert [one["metadata"]["name"] for one in pods] == [f"visitor-{n}" for n in range(14)]
    assert configs == {"visitor-program", "visitor-job", "visitor-client"}
    for one in pods:
        mounted = {v["configMap"]["name"] for v in one["spec"]["volumes"] if "configMap" in v}
        assert mounted == configs
        assert one["spec"]["nodeSelector"] == {pod.ROLE: pod.NAME}


def test_visitors_pause_on_both_sides_of_the_time_out_and_names_are_the_clusters():
    told = crowd.job(TOLD, "trial-ab")["visits"]
    assert told["pauses"] == [4.5, 7.5]
    assert told["ways"] == {
        "direct": "session.trial-ab.svc:80",
        "idle": "session.trial-ab.svc:81",
        "cookie": "session-proxy.trial-ab.svc:80",
    }


def test_op_0_tells_the_sessions_without_this_machines_paths():
    plan = planned(PROFILE, [CHECKS["session.drift"]], seed=1, shape="three-workers",
                   timing="fast", kubernetes="1.34", command="c")  # fmt: skip
    said = head(plan, PROFILE, {}).value["profile"]["sessions"]
    assert (said["load"], said["timeout"]) == ("load.py", 6.0)
    hits = {"pod-delete", "scale-down", "rolling-update"}
    assert {fault.fault for fault in plan.faults} == hits


def test_an_image_that_cannot_run_the_locust_file_is_named_before_anything_is_made(tmp_path):
    text = (FIXTURE / "profile.yaml").read_text()
    for name in ("manifests", "image", "load", "proxy"):
        (tmp_path / name).symlink_to(FIXTURE / name)
    (tmp_path / "load.py").write_text("print('no user')\n")
    (tmp_path / "profile.yaml").write_text(text.replace("image: session-load", "image: none"))
    with pytest.raises(Exception, match="'none' is not among its images") as caught:
        profiles.load(str(tmp_path), known=CHECKS)
    assert "no class of load.py is a user of Locust's" in str(caught.value)


def test_a_crowd_of_no_sessions_is_nobody():
    bare, nobody = replace(PROFILE, sessions=None), cast("Any", None)
    with crowd.visiting(nobody, nobody, "n", bare, "i", nobody, Path()) as come:
        assert come is None


def test_a_locust_file_that_is_gone_is_told():
    with pytest.raises(CannotRun):
        crowd.documents(replace(TOLD, load="/nowhere/load.py"), "n", "i", apart=False)
