"""The container engine: found, started by us or not, and stopped only when it is ours."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.cluster import engine
from seatrial.errors import CannotRun
from seatrial.progress import Quiet


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Give a function that puts a docker client in PATH which answers with this version."""

    def put(version: str | None) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        client = folder / "docker"
        said = f'echo \'{{"Version": "{version}"}}\'' if version else "exit 1"
        client.write_text(f"#!/bin/sh\n{said}\n")
        client.chmod(client.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return put


def pid_file(pid: int) -> Path:
    path = engine._pid_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(pid))
    return path


def test_the_users_own_engine_comes_first(docker):
    docker("28.2.2")
    found = engine.find(Quiet())
    assert (found.private, found.version, dict(found.env)) == (False, "28.2.2", {})


@pytest.mark.parametrize("version", ["19.03.15", "20.09.1", "1.13.1"])
def test_an_engine_too_old_is_named_with_its_version(version, docker):
    docker(version)
    with pytest.raises(CannotRun, match=r"20\.10 or newer") as caught:
        engine.find(Quiet())
    assert version in caught.value.seen


def test_without_an_engine_only_root_can_make_one(docker, monkeypatch):
    docker(None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotRun, match="a Docker engine") as caught:
        engine.find(Quiet())
    assert "only root" in caught.value.seen
    assert "DOCKER_HOST" in caught.value.remedy


def test_without_apt_no_engine_can_be_made(docker, monkeypatch):
    docker(None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "dpkg" else name)
    with pytest.raises(CannotRun, match="a Docker engine") as caught:
        engine.find(Quiet())
    assert "Debian only" in caught.value.seen


def test_a_pid_file_of_nobody_is_no_engine():
    pid_file(2**22 + 1)
    assert engine.running() is None
    assert engine.stop(Quiet()) is False


def test_a_pid_that_another_program_got_is_left_alone():
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        pid_file(other.pid)
        assert engine.stop(Quiet()) is False
        assert other.poll() is None
    finally:
        other.communicate()


def test_our_own_is_known_by_its_pid_file_in_its_command_and_stopped():
    path = engine._pid_file()
    program = "import signal; signal.sigwait([signal.SIGTERM])"
    block = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]);"
    ours = subprocess.Popen(
        [sys.executable, "-c", block + "print(flush=True);" + program, "--pidfile", str(path)],
        stdout=subprocess.PIPE,
    )
    assert ours.stdout
    ours.stdout.readline()
    pid_file(ours.pid)
    assert engine._alive(path) == ours.pid
    # A child of ours stays as a zombie until it is waited for, and must not count as alive.
    assert engine.stop(Quiet()) is True
    assert ours.wait(10) in (0, -signal.SIGTERM)
    ours.stdout.close()


def test_garbage_in_the_pid_file_is_no_engine():
    pid_file(1).write_text("not a number")
    assert engine.running() is None


def dockerd(text: str) -> None:
    """Put a dockerd of our own where the unpacked one is looked for."""
    program = engine._unpacked() / "usr/sbin/dockerd"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    (engine._unpacked() / "done").touch()


def test_a_dockerd_that_ends_at_once_is_told_with_its_own_last_words(monkeypatch, docker):
    docker(None)
    monkeypatch.setattr(engine, "_raise_inotify", lambda _: None)
    engine._home().joinpath("dockerd.log").write_text("yesterday's trouble\n")
    dockerd("echo no such filesystem: overlay2; exit 1")
    with pytest.raises(CannotRun, match="dockerd to start") as caught:
        engine.find(Quiet())
    assert "no such filesystem: overlay2" in caught.value.seen
    assert "yesterday" not in caught.value.seen
    assert "yesterday" in (engine._home() / "dockerd.log.1").read_text()


def test_a_dockerd_that_is_slow_to_show_itself_is_waited_for(monkeypatch, docker):
    # While a program replaces another (exec) its process has no command line, so that one who
    # looks for it by its words sees nothing: an engine once "did not start" for that.
    monkeypatch.setattr(engine, "_raise_inotify", lambda _: None)
    folder = engine._home()
    dockerd(f'sleep 0.5; echo $$ > {folder}/docker.pid; exec sh -c "sleep 60; :" "$@"')
    docker(None)
    client = engine._unpacked() / "usr/bin/docker"
    client.parent.mkdir(parents=True)
    client.write_text(f'#!/bin/sh\n[ -f {folder}/docker.pid ] && echo \'{{"Version": "26.1"}}\'\n')
    client.chmod(0o755)
    found = engine.find(Quiet())
    assert (found.private, found.version) == (True, "26.1")
    started = int((folder / "docker.pid").read_text())
    os.killpg(started, signal.SIGKILL)
    os.waitpid(started, 0)
