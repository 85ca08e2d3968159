"""Envoy before three session servers: what its configuration does with browsers and cookies."""

import http.client
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import profiles
from seatrial.checks import CHECKS
from seatrial.places import carried
from seatrial.profiles import render

FIXTURES = carried("fixtures")
SPEC = importlib.util.spec_from_file_location(
    "session", FIXTURES / "session" / "image" / "session.py"
)
assert SPEC
assert SPEC.loader
server: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(server)


@contextmanager
def member(name: str):
    sessions = server.Sessions(server.Memory(), {"pod": name, "uid": name})
    found = server.bound(sessions, 0)
    thread = threading.Thread(target=found.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found.server_address[1]
    finally:
        found.shutdown()
        found.server_close()
        thread.join()


def configured(folder: Path, port: int, members: list[int]) -> Path:
    """Have the image's own script write the configuration, and give its members' addresses."""
    file = folder / "envoy.yaml"
    env = {"PATH": os.environ["PATH"], "PROXY_TO": "session.session-members:8080"}
    env |= {"PROXY_FILE": str(file), "PROXY_PORT": str(port), "PROXY_PROGRAM": "true"}
    run = FIXTURES / "session-envoy" / "proxy" / "run.sh"
    subprocess.run(["/bin/sh", str(run)], env=env, check=True)
    said = yaml.safe_load(file.read_text())
    (cluster,) = said["static_resources"]["clusters"]
    (within,) = cluster["load_assignment"]["endpoints"]
    (named,) = within["lb_endpoints"]
    asked = named["endpoint"]["address"]["socket_address"]
    assert asked["address"].startswith("session-members")
    assert asked["port_value"] == 8080
    within["lb_endpoints"] = [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": one}}}}
        for one in members
    ]
    file.write_text(yaml.safe_dump(said))
    return file


def envoy() -> str:
    found = pytest.importorskip("envoy", reason="the extra `proxies` is not installed")
    return str(Path(found.__file__).parent / "_bin" / "envoy")


@contextmanager
def proxied(folder: Path):
    """Run Envoy before three members; gives its port."""
    program = shutil.copy(envoy(), folder / "envoy")
    Path(program).chmod(0o755)
    with ExitStack() as stack:
        members = [stack.enter_context(member(f"session-{n}")) for n in range(3)]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        file = configured(folder, port, members)
        argv = [program, "-c", str(file), "--disable-hot-restart", "--concurrency", "1"]
        child = subprocess.Popen([*argv, "--log-level", "warn"], stderr=sys.stderr)
        try:
            reached(child, port)
            yield port
        finally:
            child.kill()
            child.wait()


def reached(child: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.1)
        else:
            return
    pytest.fail("Envoy does not listen")


def visit(port: int, browser: str, cookie: str) -> tuple[str, str]:
    """Visit once over a new connection; gives who answered, and the cookie from now on."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/visit?session={browser}", headers={"Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    given = answer.getheader("Set-Cookie", cookie)
    return str(yaml.safe_load(body)["pod"]), given.partition(";")[0]


def test_a_browser_that_shows_its_cookie_comes_back_and_browsers_are_spread(tmp_path):
    with proxied(tmp_path) as port:
        homes = {}
        for number in range(24):
            cookie, pods = "", set()
            for _ in range(4):
                pod, cookie = visit(port, f"browser-{number}", cookie)
                pods.add(pod)
            assert cookie.startswith("route=")
            assert len(pods) == 1
            homes[number] = pods.pop()
    # By chance all are at one of three members once in 3**23 times.
    assert len(set(homes.values())) > 1


def test_who_never_shows_the_cookie_is_sent_anywhere(tmp_path):
    with proxied(tmp_path) as port:
        assert len({visit(port, "browser", "")[0] for _ in range(24)}) > 1


def rendered(name: str):
    profile = profiles.load(name, known=CHECKS)
    return render(profile, images={one: f"{one}:1" for one in profile.images}, namespace="n")


def test_the_proxy_of_the_variant_is_envoy_and_all_else_is_the_same():
    base, other = (
        {(o["kind"], o["metadata"]["name"]): o for o in rendered(name)}
        for name in ("session", "session-envoy")
    )
    changed = {key for key in base if base[key] != other.get(key)}
    assert changed == {("Deployment", "session-proxy")}
    (container,) = other["Deployment", "session-proxy"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "session-envoy:1"
