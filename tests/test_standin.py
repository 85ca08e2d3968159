"""Stand-in controllers: real children beside a fake API server, gone with us whatever ends us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial import command
from seatrial.errors import CannotRun
from seatrial.model import Profile
from seatrial.standin import Reach, beside
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.timing import Limit, poll

ROGUES = Path(__file__).parents[1] / "fixtures" / "rogues"
PLAIN = Profile("p", "s", "f", "m", "web", "web", 3, "web", (), (), {}, breaks=("a.a",))
INDEX = "apps.kubernetes.io/pod-index"


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def run(api, tmp_path):
    reach = Reach(api.kubeconfig(tmp_path / "kubeconfig"), "", "x")

    @contextmanager
    def running(file: Path | str) -> Iterator[Kept]:
        kept = Kept()
        profile = replace(PLAIN, controller=str(file))
        with beside(profile, reach, tmp_path / "controller.log", kept):
            yield kept

    return running


def rogue(name: str) -> Path:
    return ROGUES / name / f"{name.replace('-', '_')}.py"


def pods(api: FakeApi, *ordinals: int) -> None:
    for ordinal in ordinals:
        labels = {INDEX: str(ordinal)}
        spec = {"nodeName": "sea-worker", "terminationGracePeriodSeconds": 5}
        api.put("pods", f"web-{ordinal}", "x", metadata={"labels": labels}, spec=spec)


def the_set(api: FakeApi, replicas: int, revision: str = "one") -> None:
    status = {"updateRevision": revision}
    api.put("statefulsets", "web", "x", spec={"replicas": replicas}, status=status)


def going(api: FakeApi) -> set[str]:
    """Name the pods that were told to go."""
    return {
        found["metadata"]["name"]
        for found in api.of("pods").values()
        if "deletionTimestamp" in found["metadata"]
    }


def follows(folder: Path) -> None:
    """Wait until the controller has seen what there is."""
    log = folder / "controller.log"
    until(lambda: "Handler '" in log.read_text(), "it has seen nothing")


def until(condition: Any, why: str) -> None:
    poll(lambda: None if condition() else why, Limit("the controller acts", 30), every=0.02)


@pytest.mark.parametrize(
    ("name", "gone"), [("from-the-bottom", {"web-0"}), ("two-at-a-time", {"web-1", "web-2"})]
)
def test_a_controller_ends_the_wrong_members_when_the_set_shrinks(name, gone, api, run, tmp_path):
    api.kubelets = False
    pods(api, 0, 1, 2)
    the_set(api, 3)
    with run(rogue(name)):
        follows(tmp_path)
        assert going(api) == set()
        the_set(api, 1)
        until(lambda: going(api) == gone, f"{going(api)} are told to go")


def test_two_members_are_updated_at_once(api, run, tmp_path):
    api.kubelets = False
    pods(api, 0, 1, 2)
    the_set(api, 3)
    with run(rogue("two-at-a-time")):
        follows(tmp_path)
        the_set(api, 3, "two")
        until(lambda: going(api) == {"web-1", "web-2"}, "nobody is told to go")


def test_an_index_is_rewritten_for_every_member_and_for_nobody_else(api, run):
    pods(api, 0, 1)
    api.put("pods", "driver", "x")
    with run(rogue("rewrites-index")):
        until(lambda: _indexes(api) == {"web-0": "1", "web-1": "2", "driver": None}, "not yet")
        pods(api, 2)
        until(lambda: _indexes(api)["web-2"] == "3", "the new one has its own index still")


def _indexes(api: FakeApi) -> dict[str, str | None]:
    found = (one["metadata"] for one in api.of("pods").values())
    return {meta["name"]: meta.get("labels", {}).get(INDEX) for meta in found}


def test_only_pods_that_are_to_go_from_a_node_that_is_silent_are_forced(api, run, tmp_path):
    api.kubelets = False
    pods(api, 0, 1)
    api.put("pods", "web-1", "x", spec={"nodeName": "sea-worker2"})
    for node, ready in (("sea-worker", "Unknown"), ("sea-worker2", "True")):
        status = {"conditions": [{"type": "Ready", "status": ready}]}
        api.put("nodes", node, status=status)
    with run(rogue("force-deleter")):
        follows(tmp_path)
        assert len(api.of("pods")) == 2
        api.delete("pods", "web-1", "x")
        api.delete("pods", "web-0", "x")
        until(lambda: "x/web-0" not in api.of("pods"), "web-0 is still there")
    assert going(api) == {"web-1"}


HANDLER = """
import kopf
@kopf.on.event("pods")
def seen(name, **_):
    print("saw", name, "Bearer abcdefghijklmnop", flush=True)
"""


def test_what_a_controller_says_is_in_its_log_without_secrets(api, run, tmp_path):
    file = tmp_path / "talking.py"
    file.write_text(HANDLER)
    log = tmp_path / "controller.log"
    pods(api, 0)
    with run(file) as kept:
        until(lambda: "saw web-0" in log.read_text(), "it says nothing")
    assert "abcdefghijklmnop" not in log.read_text()
    events = [op.value["event"] for op in kept.of("controller")]
    assert events == ["started", "ended"]
    assert kept.ops[-1].value["of itself"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [("raise RuntimeError('it cannot')", "it cannot"), ("this is no Python", "SyntaxError")],
)
def test_a_controller_that_ends_at_once_is_a_sentence(text, said, run, tmp_path):
    file = tmp_path / "ending.py"
    file.write_text(text)
    with pytest.raises(CannotRun, match=f"(?s)controller to run.*{said}"), run(file):
        pytest.fail("the trial must not begin")


def test_without_a_controller_nothing_is_started(api, tmp_path):
    reach = Reach(api.kubeconfig(tmp_path / "kubeconfig"), "", "x")
    kept = Kept()
    with beside(PLAIN, reach, tmp_path / "controller.log", kept):
        assert kept.ops == []
    assert not (tmp_path / "controller.log").exists()


PARENT = """
import sys, time
from pathlib import Path
from seatrial.model import Profile
from seatrial.standin import Reach, beside
from seatrial.testing import Kept
file, kubeconfig, log = sys.argv[1:]
rogue = Profile("p", "s", "f", "m", "web", "web", 3, "web", (), (), {}, controller=file)
with beside(rogue, Reach(Path(kubeconfig), "", "x"), Path(log), Kept()):
    print("running", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_controller_ends_with_the_harness_whatever_ends_that(sign, api, tmp_path):
    argv = [sys.executable, "-c", PARENT, str(rogue("from-the-bottom"))]
    argv += [str(api.kubeconfig(tmp_path / "kubeconfig")), str(tmp_path / "controller.log")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"running\n"
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert len(children) == 1
        parent.send_signal(sign)
        parent.wait()
        until(lambda: command.born(int(children[0])) == 0, f"{children[0]} still runs")
