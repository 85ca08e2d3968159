"""What a node is told to do to itself: the very scripts, on processes and files of our own.

In a process namespace of their own they see nobody else's processes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from seatrial.cluster import halts, insides, squeezing
from seatrial.errors import CannotRun
from seatrial.machine import Unit
from seatrial.timing import Limit, poll

SOON = Limit("the test's own patience", 20)
ALONE = ["unshare", "--pid", "--fork", "--mount-proc"]
alone = pytest.mark.skipif(
    subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0,
    reason="no process namespace of our own can be had here",
)
LIMIT = 2**20


class Engine:
    """Answers what a node would, and keeps what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = [*answers]
        self.asked: list[tuple[str, ...]] = []
        self.given: list[str] = []

    def docker(self, *words: str, stdin: bytes = b"", **_: object) -> str:
        self.asked.append(words)
        self.given.append(stdin.decode())
        return self.answers.pop(0) if self.answers else ""


def engine(*answers: str) -> Any:
    return Engine(*answers)


TASKS = "TASK PID STATUS\none 17 RUNNING\ntwo 18 STOPPED\n"


@pytest.mark.parametrize(("number", "pid"), [("one", 17), ("two", 0), ("on", 0)])
def test_only_a_task_that_runs_has_a_main_process(number, pid):
    assert halts.process(engine(TASKS), "node", number) == pid


@pytest.mark.parametrize(
    ("said", "unit"),
    [
        ("MainPID=7\nActiveState=active\n", Unit("active", 7)),
        ("MainPID=0\nActiveState=inactive\n", Unit("inactive", 0)),
        ("", Unit("unknown", 0)),
    ],
)
def test_a_unit_is_what_systemd_says_of_it(said, unit):
    assert halts.unit(engine(said), "node", "kubelet") == unit


def test_what_goes_on_is_told_and_nothing_else():
    said = "process 12\nsomething else\nunit kubelet\n"
    assert halts.revive(engine(said), "node") == ("process 12", "unit kubelet")


def test_a_process_is_stopped_by_its_containers_id_and_no_pid():
    asked = engine()
    halts.freeze(asked, "node", "c1")
    assert asked.asked[0][-4:] == ("kill", "--signal", "SIGSTOP", "c1")


def scripted(script: str, *words: str, folder: Path, before: str = "") -> list[str]:
    """Run a script as a node would, with the programs of `folder` before all others."""
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    whole = [*ALONE, "sh", "-c", f'{before}\nexec sh -c "$0" sh "$@"', script, *words]
    done = subprocess.run(whole, env=env, capture_output=True, text=True, check=False, timeout=60)
    return [*done.stdout.splitlines(), *([f"exit {done.returncode}"] if done.returncode else [])]


@pytest.fixture
def programs(tmp_path):
    """Give a folder with a systemctl that says what a file says and notes what it starts."""
    (tmp_path / "systemctl").write_text(
        '#!/bin/sh\ncase $1 in is-active) cat "${0%/*}/$2";; start) echo "$2" >&2;'
        ' [ "$(cat "${0%/*}/$2")" != failed ];; esac\n'
    )
    (tmp_path / "systemctl").chmod(0o755)
    for unit in halts.UNITS:
        (tmp_path / unit).write_text("active\n")
    # A shell by the name of a shim: its children are what the kernel calls a pod's processes.
    shutil.copy(Path("/bin/sh").resolve(), tmp_path / "containerd-shim-runc-v2")
    return tmp_path


_CHILD = """
cat >"{folder}/child" <<'.'
sleep 30 & echo $! >"$1/pid"; kill -STOP $!; while :; do sleep 1; done
.
{parent} "{folder}/child" "{folder}" & while [ ! -s "{folder}/pid" ]; do sleep 0.05; done
while ! grep -q 'State:.T' "/proc/$(cat "{folder}/pid")/status"; do sleep 0.05; done"""
"""A parent with a stopped child, both in the namespace of the script."""


@alone
def test_a_stopped_process_of_a_pod_goes_on(programs):
    shim = _CHILD.format(folder=programs, parent=programs / "containerd-shim-runc-v2")
    said = scripted(halts._REVIVE, folder=programs, before=shim)
    assert said == [f"process {(programs / 'pid').read_text().strip()}"]


@alone
def test_a_stopped_process_that_is_no_pods_is_left_alone(programs):
    said = scripted(
        halts._REVIVE, folder=programs, before=_CHILD.format(folder=programs, parent="sh")
    )
    assert said == []


@alone
@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"kubelet": "inactive"}, ["unit kubelet"]),
        ({"kubelet": "inactive", "containerd": "inactive"}, ["unit containerd", "unit kubelet"]),
        ({"kubelet": "activating"}, []),
        ({"containerd": "failed", "kubelet": "inactive"}, ["unit kubelet", "exit 1"]),
    ],
)
def test_units_that_stand_still_are_started_in_order(states, said, programs):
    for name, state in states.items():
        (programs / name).write_text(f"{state}\n")
    assert scripted(halts._REVIVE, folder=programs) == said


@alone
def test_a_process_says_what_it_does_and_nothing_when_it_is_gone(programs):
    before = _CHILD.format(folder=programs, parent="sh")
    (stopped,) = scripted('exec sh -c "$1" sh "$(cat "$2/pid")"', halts._DOING, str(programs),
                          folder=programs, before=before)  # fmt: skip
    assert stopped == "T"
    assert scripted(halts._DOING, "99999", folder=programs) == [""]
    assert halts.doing(engine("T\n"), "node", 3) == "T"
    assert halts.doing(engine("\n"), "node", 3) == ""


class Group:
    """A control group on paper: a folder below `root` for a real process, which ends when told."""

    def __init__(self, root: Path, *, counted: bool = True) -> None:
        self.child = subprocess.Popen(["sleep", "60"])  # noqa: S607
        told = Path(f"/proc/{self.child.pid}/cgroup").read_text()
        lines = dict(line.split(":", 2)[1:] for line in told.splitlines())
        old = "memory" in lines
        self.place = root / "memory" if old else root
        self.place = Path(f"{self.place}{lines['memory' if old else '']}")
        self.place.mkdir(parents=True)
        self.events = self.place / ("memory.oom_control" if old else "memory.events")
        self.most = self.place / ("memory.limit_in_bytes" if old else "memory.max")
        self.most.write_text(f"{LIMIT}\n")
        self.events.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
        (self.place / "cgroup.procs").touch()
        self.counted = counted
        self.joined: list[str] = []
        self.kernel = threading.Thread(target=self.kills)
        self.kernel.start()

    def kills(self) -> None:
        """End the process once somebody has joined it, as the kernel would."""
        poll(lambda: None if (self.place / "cgroup.procs").read_text() else "nobody joined", SOON)
        self.joined = (self.place / "cgroup.procs").read_text().split()
        if self.counted:
            self.events.write_text("oom_kill 4\n")
        self.child.kill()
        self.child.wait()


@pytest.mark.parametrize(("counted", "kills"), [(True, "1"), (False, "0")])
def test_a_control_group_is_filled_until_its_process_ends(counted, kills, tmp_path):
    group = Group(tmp_path, counted=counted)
    there = set(Path("/run").glob("seatrial.*"))
    script = squeezing._FILL.replace("/sys/fs/cgroup", str(tmp_path)).replace(" = tmpfs", " != no")
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(group.child.pid)],  # noqa: S607
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    group.kernel.join()
    assert (done.stdout.strip(), done.returncode) == (kills, 0), done.stderr
    assert set(Path("/run").glob("seatrial.*")) <= there
    assert not any(Path(f"/proc/{pid}").exists() for pid in group.joined)


@pytest.mark.parametrize("most", ["max", "9223372036854771712", "0"])
def test_a_control_group_without_a_limit_is_not_filled(most, tmp_path):
    group = Group(tmp_path)
    group.most.write_text(f"{most}\n")
    script = squeezing._FILL.replace("/sys/fs/cgroup", str(tmp_path)).replace(" = tmpfs", " != no")
    said = subprocess.run(
        ["sh", "-c", script, "sh", str(group.child.pid)],  # noqa: S607
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout  # fmt: skip
    assert said.strip() == "none"
    assert group.joined == []
    (group.place / "cgroup.procs").write_text("1\n")
    group.kernel.join()


def test_a_limit_is_read_where_the_process_is(tmp_path):
    group = Group(tmp_path)
    script = squeezing._LIMIT.replace("/sys/fs/cgroup", str(tmp_path))
    said = subprocess.run(
        ["sh", "-c", script, "sh", str(group.child.pid)],  # noqa: S607
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert int(said) == LIMIT
    (group.place / "cgroup.procs").write_text("1\n")
    group.kernel.join()


@pytest.mark.parametrize(
    ("said", "limit"),
    [(f"{LIMIT}\n", LIMIT), ("max\n", 0), ("9223372036854771712\n", 0), ("", 0)],
)
def test_a_limit_that_is_none_is_none(said, limit):
    assert squeezing.memory(engine(TASKS, said), "node", "one") == limit


def test_a_container_without_a_limit_or_a_process_is_not_filled():
    with pytest.raises(CannotRun, match="it has none"):
        squeezing.exhaust(engine(TASKS, "none\n"), "node", "one")
    with pytest.raises(CannotRun, match="that it does not"):
        squeezing.exhaust(engine(TASKS), "node", "two")


def test_a_cut_from_some_names_them_and_lets_all_others_through():
    asked = engine("", "table inet seatrial-cut\n")
    insides.cut(asked, "node", ["10.0.0.1", "10.0.0.7"])
    rules = asked.given[0]
    for address in ("10.0.0.1", "10.0.0.7"):
        assert f"in ip saddr {address} drop" in rules
        assert f"out ip daddr {address} drop" in rules
    assert 'iifname "eth*"' not in rules
    asked = engine("", "table inet seatrial-cut\n")
    insides.cut(asked, "node")
    assert 'in iifname "eth*" drop' in asked.given[0]
    assert "saddr" not in asked.given[0]


def test_what_is_no_address_never_becomes_a_rule():
    with pytest.raises(ValueError, match="drop; add"):
        insides.cut(engine(), "node", ["10.0.0.1 drop; add rule"])


@pytest.mark.parametrize(("said", "reached"), [("reached\n", True), ("", False)])
def test_an_address_is_reached_when_somebody_accepts(said, reached):
    assert insides.reaches(engine(said), "node", "10.0.0.1", 6443) is reached


def test_the_try_to_connect_tells_a_listener_from_nobody():
    words = ["sh", "-c", insides._REACH, "sh", "127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = str(there.getsockname()[1])
        assert subprocess.check_output([*words, port], text=True) == "reached\n"
    assert subprocess.check_output([*words, port], text=True) == ""
