"""A kind that outlived its killed seatrial is ended by its own pid, and nothing else is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seatrial.cluster.orphans import end_writers

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def child():
    started = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", SLEEP, *words]))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def test_who_writes_to_our_kubeconfig_is_ended_and_nobody_else(child):
    ours = child("create", "cluster", "--kubeconfig", "/state/sea/kubeconfig")
    others = child("create", "cluster", "--kubeconfig", "/state/sea2/kubeconfig")
    reader = child("get", "--kubeconfig", "/state/sea/kubeconfig")
    _ended_as_reaped(ours, "/state/sea/kubeconfig")
    assert ours.returncode is not None
    assert others.poll() is None
    assert reader.poll() is None


def test_nobody_to_end_is_fine():
    end_writers("/state/nobody/kubeconfig")


def _ended_as_reaped(child: subprocess.Popen[bytes], kubeconfig: str) -> None:
    """End it from a process of its own: here the child stays a zombie until we wait for it."""
    code = f"from seatrial.cluster.orphans import end_writers; end_writers({kubeconfig!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    child.wait(10)
