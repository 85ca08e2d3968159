"""Steward and rescuer as they run in their pods, with a fake API server and a restic of paper.

Only what runs a command in a member's container is not here: see the last test for that alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from seatrial.places import carried
from seatrial.testing import FakeApi, fake_api
from seatrial.testing.carrying import modules
from seatrial.testing.rehoming import CLAIM, GROUP, SPACE, Ground, turning
from seatrial.timing import Limit, poll

SOON = Limit("the programs have acted", 60)
IMAGE = carried("fixtures") / "xlss" / "image"
RESTIC = """\
#!{python} -IS
import json, os, shutil, sys
from pathlib import Path
repo, words = Path("{repo}"), sys.argv[1:]
if words[0] == "backup":
    name = f"{{len(list(repo.iterdir())):08x}}"
    shutil.copytree(".", repo / name)
    files = [f for f in (repo / name).rglob("*") if f.is_file()]
    print(json.dumps({{"message_type": "summary", "snapshot_id": name,
                      "total_files_processed": len(files),
                      "total_bytes_processed": sum(f.stat().st_size for f in files)}}))
if words[0] == "restore":
    shutil.copytree(repo / words[1], words[words.index("--target") + 1], dirs_exist_ok=True)
"""
running, api_of, engine = modules("xlss/image", "xlss.running", "xlss.api", "xlss.engine")


@dataclass
class Stage:
    """Where the programs run: each node's volumes in a folder of its own."""

    api: FakeApi
    folder: Path

    def environment(self, node: str) -> dict[str, str]:
        own = {"API": self.api.host, "NAMESPACE": SPACE, "POD_NAME": f"agent-{node}", "NODE": node}
        own |= {"PYTHONPATH": str(IMAGE), "RESTIC": str(self.folder / "restic"), "LOGNAME": "xlss"}
        own |= {"VOLUMES": str(self.folder / node), "STATE": str(self.folder), "METRICS_PORT": "0"}
        return {**os.environ, **own, "PYTHONDONTWRITEBYTECODE": "1", "GRACE": "0"}

    @contextmanager
    def runs(self, program: str, node: str) -> Iterator[subprocess.Popen[bytes]]:
        self.api.put("pods", f"agent-{node}", SPACE, spec={"containers": [{"image": "xlss"}]})
        log = (self.folder / f"{program}-{node}.log").open("ab")
        argv = [sys.executable, "-B", "-m", f"xlss.{program}"]
        child = subprocess.Popen(argv, env=self.environment(node), stdout=log, stderr=log)
        try:
            yield child
        finally:
            child.kill()
            child.wait()
            log.close()


@pytest.fixture
def stage(tmp_path):
    for name in ("n1", "n2", "repo"):
        (tmp_path / name).mkdir()
    restic = tmp_path / "restic"
    restic.write_text(RESTIC.format(python=sys.executable, repo=tmp_path / "repo"))
    restic.chmod(0o755)
    with fake_api() as api:
        yield Stage(api, tmp_path)


def policy(api: FakeApi) -> None:
    about = {"schedule": "1s", "repository": "/repo", "key-secret": "key"}
    meta = {"annotations": {f"{GROUP}/{key}": value for key, value in about.items()}}
    api.put("secrets", "key", SPACE, data={"key": "a2V5"})
    api.put("pods", "ledger-1", SPACE, metadata=meta, status={"phase": "Running"})


def newest(api: FakeApi) -> Any:
    found = [b for b in api.of("backups").values() if b.get("status", {}).get("phase")]
    return max(found, key=lambda b: b["status"].get("began", 0.0)) if found else {}


def unfinished(api: FakeApi) -> str | None:
    done = newest(api).get("status", {}).get("phase") == "Complete"
    return None if done else str(api.of("backups"))


def test_a_member_is_backed_up_its_node_lost_and_its_disk_filled_before_it_is_bound(stage):
    api = stage.api
    ground = Ground(api, alone=True)
    for name in ("b1", "b2"):
        api.remove("backups", name, SPACE)
    (stage.folder / "n1" / "pvc-0").mkdir()
    (stage.folder / "n1" / "pvc-0" / "token").write_text("precious")
    policy(api)
    with stage.runs("steward", "n0"), stage.runs("rescuer", "n2"):
        with stage.runs("rescuer", "n1"):
            poll(lambda: unfinished(api), SOON)
        ground.kill()
        with turning(ground):
            poll(lambda: None if rehomed(api) else "not yet", SOON)
    claim = api.of("persistentvolumeclaims")[f"{SPACE}/{CLAIM}"]
    volume = claim["spec"]["volumeName"]
    (filled,) = [path for path in (stage.folder / "n2").iterdir() if path.is_dir()]
    assert filled.name.startswith(volume)
    assert (filled / "token").read_text() == "precious"
    told = api.of("persistentvolumes")[f"/{volume}"]["metadata"]["annotations"]
    assert json.loads(told[f"{GROUP}/restored"])["files"] == 1


def rehomed(api: FakeApi) -> bool:
    claim = api.of("persistentvolumeclaims").get(f"{SPACE}/{CLAIM}", {})
    bound = claim.get("spec", {}).get("volumeName", "pvc-0") != "pvc-0"
    return bound and not api.of("restores")


def test_a_malformed_policy_is_an_event_on_the_pod(stage):
    api = stage.api
    Ground(api, alone=True)
    policy(api)
    api.put("pods", "ledger-1", SPACE, metadata={"annotations": {f"{GROUP}/schedule": "soon"}})
    with stage.runs("rescuer", "n1"):
        poll(lambda: None if api.of("events") else "no event", SOON)
    (event,) = api.of("events").values()
    assert event["reason"] == "MalformedPolicy"
    assert "a period such as 30s" in event["message"]


@contextmanager
def executing(*frames: bytes) -> Iterator[tuple[Any, list[str]]]:
    """Run a server that answers an exec with these frames, and tells what it was asked."""
    asked: list[str] = []
    ready = threading.Event()
    port: list[int] = []
    ends: list[Callable[[], object]] = []

    async def answer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["v4.channel.k8s.io"])
        await socket.prepare(request)
        asked.append(request.path_qs)
        for frame in frames:
            await socket.send_bytes(frame)
        await socket.close()
        return socket

    async def serve() -> None:
        app, over = web.Application(), asyncio.Event()
        app.router.add_get("/{tail:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.append(runner.addresses[0][1])
        ends.append(partial(asyncio.get_running_loop().call_soon_threadsafe, over.set))
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield api_of.Api(f"http://127.0.0.1:{port[0]}"), asked
    finally:
        ends[0]()
        thread.join()


def test_a_command_runs_in_a_container_and_its_output_comes_back_whole():
    done = b'\x03{"status":"Success"}'
    with executing(b"\x01", b'\x01{"w":', b"\x02noise", b"\x01[1, 2]}", done) as (server, asked):
        assert running.run(server, "x/web-0", "web", ["cat", "a b"]) == '{"w":[1, 2]}'
    path, _, query = asked[0].partition("?")
    assert path == "/api/v1/namespaces/x/pods/web-0/exec"
    assert query == "container=web&stdout=1&stderr=1&command=cat&command=a+b"


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([b"\x02no such file", b'\x03{"status":"Failure","message":"exit 1"}'], "no such file"),
        ([b'\x03{"status":"Failure","message":"exit code 3"}'], "exit code 3"),
        ([b"\x01half"], "cut short"),
    ],
)
def test_a_command_that_fails_or_is_cut_short_is_told(frames, said):
    with executing(*frames) as (server, _), pytest.raises(engine.Refused, match=said):
        running.run(server, "x/web-0", "web", ["false"])
