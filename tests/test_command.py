"""Children: started without a shell, ended with all they started."""

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from seatrial import command
from seatrial.errors import ToolFailed
from seatrial.timing import Limit, poll


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_words_reach_the_program_as_they_are():
    assert command.run(["printf", "%s|", "a b", "$HOME", ";true"]) == "a b|$HOME|;true|"


def test_a_failure_can_be_pasted_and_says_the_last_words():
    with pytest.raises(ToolFailed) as caught:
        command.run(["sh", "-c", "echo why >&2; exit 3"], env={"A": "b c"})
    assert caught.value.wanted == "A='b c' sh -c 'echo why >&2; exit 3'"
    assert caught.value.seen == "exit code 3: why"


def test_a_missing_program_is_a_sentence():
    with pytest.raises(ToolFailed, match="no-such-program") as caught:
        command.run(["no-such-program"])
    assert "doctor" in caught.value.remedy


def test_a_file_is_read_as_input_and_a_log_is_appended_to(tmp_path):
    given, log = tmp_path / "in", tmp_path / "logs" / "out"
    given.write_bytes(b"hello")
    for _ in range(2):
        assert command.run(["cat"], stdin=given, log=log) == ""
    assert log.read_bytes() == b"hellohello"


def test_a_child_that_takes_too_long_is_ended_with_its_own_children(tmp_path):
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! $$ > {pids}; wait"
    with pytest.raises(ToolFailed, match=r"not done after 0\.5 s"):
        command.run(["sh", "-c", script], limit=0.5)
    assert not any(alive(int(pid)) for pid in pids.read_text().split())


def test_an_interrupt_ends_the_children_of_every_thread(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    failed: list[BaseException] = []
    script = ["sh", "-c", f"echo $$ > {fifo}; exec sleep 60"]
    thread = threading.Thread(target=_kept, args=(failed, script))

    def interrupted() -> int:
        with suppress(KeyboardInterrupt), command.together():
            thread.start()
            pid = int(fifo.read_text())
            raise KeyboardInterrupt
        return pid

    pid = interrupted()
    thread.join(20)
    assert not alive(pid)
    assert len(failed) == 1


def _kept(failed: list[BaseException], argv: list[str]) -> None:
    try:
        command.run(argv)
    except ToolFailed as error:
        failed.append(error)


def test_children_from_before_are_left_alone():
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as before:
        with pytest.raises(ValueError, match="x"), command.together():
            raise ValueError("x")
        assert before.poll() is None
        os.killpg(before.pid, signal.SIGKILL)


def test_a_detached_program_is_known_to_live_from_its_first_moment_to_its_end(tmp_path):
    log = tmp_path / "log"
    pid = command.detached(["/bin/cat", "/dev/stdin", "/nothing"], env={"A": "b"}, log=log)
    poll(lambda: None if command.ended(pid) else "it runs", Limit("the child ends", 10))
    assert "/nothing" in log.read_text()
    assert command.ended(pid)


def test_a_detached_program_holds_no_file_of_whoever_called_us(tmp_path):
    log, look = tmp_path / "log", "for one in /proc/$$/fd/*; do readlink $one; done"
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)  # noqa: FBT003 - it takes no name
        pid = command.detached(["/bin/sh", "-c", look], env={}, log=log)
        poll(lambda: None if command.ended(pid) else "it runs", Limit("the child ends", 10))
    assert log.read_text().split() == [os.devnull, str(log), str(log)]


def test_a_detached_program_leads_a_session_of_its_own(tmp_path):
    pid = command.detached(["/bin/sleep", "60"], env={}, log=tmp_path / "log")
    try:
        assert not command.ended(pid)
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_grandchild_that_ignores_sigterm_is_killed_though_its_parent_has_ended(tmp_path):
    pids, deaf = tmp_path / "pids", tmp_path / "deaf"
    deaf.write_text(f"trap '' TERM; echo $$ > {pids}; while :; do sleep 1; done")
    child = subprocess.Popen(["/bin/sh", "-c", f"sh {deaf} & wait"], start_new_session=True)
    poll(lambda: None if pids.exists() and pids.read_text() else "not yet", Limit("deaf", 10))
    assert alive(int(pids.read_text()))
    command.end(child, 0.3)
    assert not alive(int(pids.read_text()))
