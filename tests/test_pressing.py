"""What a node is told to press its containers with: the very scripts, on real processes of our own.

Their control groups are folders; in a process namespace of their own they see nobody else's.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seatrial.cluster import pressing
from seatrial.errors import BadInput, CannotRun
from seatrial.machine import Pressure
from seatrial.timing import Limit, poll

SOON = Limit("the test's own patience", 20)
ALONE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
TASKS = "TASK PID STATUS\none 17 RUNNING\ntwo 18 STOPPED\n"
USER = 10001
alone = pytest.mark.skipif(
    subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0,
    reason="no process namespace of our own can be had here",
)
_MEMBER = """import os, sys, time
os.setgid(10001); os.setuid(10001)
kept = [open("/dev/null") for _ in range(3)]
print("up", flush=True)
for line in sys.stdin:
    try:
        kept.append(open("/dev/null")); print("opened", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""
"""A member of another user than ours, that opens one more file whenever it is told to."""


class Engine:
    """Answers what a node would, and keeps what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = [*answers]
        self.asked: list[tuple[str, ...]] = []

    def docker(self, *words: str, **_: object) -> str:
        self.asked.append(words)
        return self.answers.pop(0) if self.answers else ""


def engine(*answers: str) -> Any:
    return Engine(*answers)


class Aside:
    """A shell in a process namespace of its own, with control groups below `root`.

    `new` ones are of version 2. `member` is there a process of another user, by its pid there.
    """

    def __init__(self, root: Path, *, new: bool) -> None:
        self.root, self.new = root, new
        self.shell = subprocess.Popen(
            [*ALONE, "sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        (root / "member.py").write_text(_MEMBER)
        (root / "proc").mkdir()
        os.mkfifo(root / "in")
        os.mkfifo(root / "out")
        python = f"'{sys.executable}' -IS '{root}/member.py' <'{root}/in' >'{root}/out'"
        self.run("ulimit -n 64", wait=False)
        self.run(f"exec 9>&1; {python} 9>&- & echo $!", wait=False)
        self.into = (root / "in").open("w")
        self.out = (root / "out").open()
        self.member = int(self.line())
        assert self.out.readline() == "up\n"
        self.groups = self._groups()

    def _groups(self) -> list[Path]:
        """Make the groups, where the scripts look for those of the member."""
        names = [""] if self.new else ["memory", "cpu", "cpuacct"]
        told = "".join(f"{n}:{name}:/pod\n" for n, name in enumerate(names))
        (self.root / "groups").write_text(told)
        made = [self.root / name / "pod" if name else self.root / "pod" for name in names]
        for folder in made:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cgroup.procs").touch()
        texts = {
            "memory.limit_in_bytes": str(40 * 2**20), "memory.max": str(40 * 2**20),
            "memory.usage_in_bytes": "1000", "memory.current": "1000",
            "memory.stat": "total_rss 1048576\ntotal_shmem 0\nrss 7\nanon 1048576\nshmem 0\n",
            "cpuacct.usage": "2500000000", "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
        }  # fmt: skip
        for folder in made:
            for name, text in texts.items():
                (folder / name).write_text(f"{text}\n")
        return made

    def line(self) -> str:
        assert self.shell.stdout
        return self.shell.stdout.readline().strip()

    def run(self, text: str, *, wait: bool = True) -> list[str]:
        """Give what a line of shell says."""
        assert self.shell.stdin
        self.shell.stdin.write(f"{text}\n" + ("echo; echo ---$?\n" if wait else ""))
        self.shell.stdin.flush()
        said: list[str] = []
        while wait and not (line := self.line()).startswith("---"):
            said += [line] if line else []
        return said

    def script(self, text: str, *words: str) -> list[str]:
        """Run a script of ours as a node would, on these groups."""
        text = text.replace("/sys/fs/cgroup", str(self.root)).replace("/run/", f"{self.root}/")
        text = text.replace('"/proc/$pid/cgroup"', f"'{self.root}/groups'")
        path = self.root / f"script-{len(list(self.root.glob('script-*')))}"
        path.write_text(text)
        quoted = shlex.join(words)
        # As a child of nobody's: what it leaves behind goes to the first process, as in a node.
        return self.run(f"sh -c \"$(cat '{path}')\" sh {quoted} 2>&1")

    def opens(self) -> str:
        """Have the member open one more file."""
        self.into.write("\n")
        self.into.flush()
        return self.out.readline().strip()

    def look(self) -> Pressure:
        (said,) = self.script(pressing._LOOK, str(self.member), "one")
        return pressing.pressed(engine(TASKS, said), "node", "one")

    def relieve(self, number: str = "") -> tuple[str, ...]:
        said = "\n".join(self.script(pressing._RELIEVE, number))
        return pressing.relieve(engine(said), "node", number)

    def marked(self) -> list[str]:
        """Give the processes that bear our mark."""
        return self.run("grep -lsz '^SEATRIAL_PRESSURE=' /proc/[0-9]*/environ")

    def ends(self) -> None:
        self.shell.kill()
        self.shell.communicate()
        self.out.close()
        self.into.close()


@pytest.fixture(params=[False, True], ids=["cgroup v1", "cgroup v2"])
def aside(request, tmp_path):
    tmp_path.chmod(0o755)
    found = Aside(tmp_path, new=request.param)
    yield found
    found.ends()


def until(condition: Any, wanted: object) -> None:
    poll(lambda: None if (now := condition()) == wanted else f"{now}", SOON)


@alone
@pytest.mark.parametrize("script", ["_CPU", "_MEMORY", "_SHORT"])
def test_a_pressure_that_has_only_just_begun_is_found_and_ended(script, aside):
    relieve = pressing._RELIEVE.replace("/run/", f"{aside.root}/")
    words = [relieve] if script == "_SHORT" else []
    aside.script(getattr(pressing, script), str(aside.member), "one", *words)
    assert aside.marked()
    assert len(aside.relieve()) == 1
    until(aside.marked, [])


@alone
def test_the_cpu_is_taken_in_the_members_own_group_and_given_back(aside):
    assert aside.look().ours == 0
    aside.script(pressing._CPU, str(aside.member), "one")
    loops = min(os.cpu_count() or 1, pressing._MOST_LOOPS)
    wanted = [group / "cgroup.procs" for group in aside.groups if "memory" not in group.parts]
    poll(lambda: None if all(p.read_text() for p in wanted) else "nobody joined", SOON)
    assert aside.look().ours >= 1
    assert len(aside.marked()) >= loops
    assert aside.look().cpu == 2.5
    assert aside.relieve("two") == ()
    assert aside.relieve("one") == ("cpu:one",)
    until(aside.marked, [])
    assert aside.look().ours == 0


@alone
def test_memory_is_held_up_to_near_the_limit_and_let_go(aside):
    aside.script(pressing._MEMORY, str(aside.member), "one")
    held = (
        "cat /proc/[0-9]*/status 2>/dev/null | "
        "awk '/^Name:/ { n = $2 } n == \"tail\" && /^VmRSS/ { print $2 }'"
    )
    share = (40 * 90 // 100 - 1) * 1024
    poll(lambda: None if int((aside.run(held) or ["0"])[0]) >= share else "not yet", SOON)
    assert int(aside.run(held)[0]) < 40 * 1024
    assert aside.run("cat /proc/$(pgrep -x tail)/oom_score_adj") == ["1000"]
    assert aside.look().ours >= 1
    assert aside.relieve() == ("memory:one",)
    until(aside.marked, [])


@alone
def test_a_member_that_is_near_its_limit_already_is_not_filled(aside):
    for group in aside.groups:
        (group / "memory.stat").write_text(f"total_rss {39 * 2**20}\nanon {39 * 2**20}\n")
    (said,) = aside.script(pressing._MEMORY, str(aside.member), "one")
    assert "bytes already" in said
    assert aside.marked() == []


@alone
def test_a_process_of_another_user_may_open_no_more_files_until_it_may_again(aside):
    before = aside.look()
    assert (before.most, before.open) == (64, 6)
    assert aside.opens() == "opened"
    aside.script(pressing._SHORT, str(aside.member), "one", pressing._RELIEVE)
    now = aside.look()
    assert (now.most, now.open) == (now.free, 7)
    assert aside.opens() == "24"  # EMFILE
    assert aside.relieve("two") == ()
    assert aside.relieve() == ("files:one",)
    assert aside.look().most == 64
    assert aside.opens() == "opened"
    assert aside.relieve() == ()
    until(aside.marked, [])


@alone
def test_a_limit_that_is_lowered_is_not_lowered_again(aside):
    aside.script(pressing._SHORT, str(aside.member), "one", pressing._RELIEVE)
    (said,) = aside.script(pressing._SHORT, str(aside.member), "one", pressing._RELIEVE)
    assert "lowered already" in said
    assert aside.relieve("one") == ("files:one",)
    assert aside.look().most == 64


@alone
def test_who_relieves_a_member_while_its_limit_is_lowered_has_the_last_word(aside):
    text = pressing._SHORT.replace("sleep 0.1\n", f"rm -f '{aside.root}/seatrial-limits/one'\n")
    (said,) = aside.script(text, str(aside.member), "one", "true")
    assert "relieved meanwhile" in said
    assert aside.look().most == 64


@alone
def test_a_limit_of_a_process_that_is_gone_is_forgotten(aside):
    note = aside.root / "seatrial-limits" / "gone"
    note.parent.mkdir()
    note.write_text(f"{aside.member} 7 9\n")  # the same pid, born at another time
    assert aside.relieve() == ()
    assert aside.look().most == 64
    assert not note.exists()


@alone
@pytest.mark.parametrize("script", ["_CPU", "_MEMORY", "_SHORT"])
def test_a_node_ends_a_pressure_by_itself(script, aside):
    text = getattr(pressing, script).replace(str(pressing.LONGEST), "1")
    relieve = pressing._RELIEVE.replace("/run/", f"{aside.root}/")
    aside.script(text, str(aside.member), "one", *([relieve] if script == "_SHORT" else []))
    until(aside.marked, [])
    assert aside.look().most == 64
    assert aside.relieve() == ()


def test_what_runs_no_more_and_what_is_no_pressure_is_not_pressed():
    with pytest.raises(CannotRun, match="that it does not"):
        pressing.press(engine(TASKS), "node", "two", "cpu")
    with pytest.raises(CannotRun, match="that it does not"):
        pressing.pressed(engine(TASKS), "node", "two")
    with pytest.raises(BadInput, match="cpu, memory, files"):
        pressing.press(engine(TASKS), "node", "one", "patience")


def test_only_what_pressed_is_told():
    said = "cpu:one\nKilled\ncpu:one\nmemory:two\n"
    assert pressing.relieve(engine(said), "node") == ("cpu:one", "memory:two")


def test_the_numbers_of_a_look_are_what_they_are_named():
    found = pressing.pressed(engine(TASKS, "2500000 7 5 1024 6 2\n"), "node", "one")
    assert found == Pressure(2.5, 7, 5, 1024, 6, 2)


def test_a_press_names_container_and_process_and_no_more():
    for kind in ("cpu", "memory", "files"):
        asked = engine(TASKS)
        pressing.press(asked, "node", "one", kind)
        more = (pressing._RELIEVE,) if kind == "files" else ()
        assert asked.asked[-1][6:] == ("17", "one", *more)
