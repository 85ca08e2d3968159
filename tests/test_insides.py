"""What goes on inside a node: its runtime's words read as they are written, its rules as they are.

The texts are those of containerd 1.6 and 2.1 (`ctr`), with invented names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any

import pytest

from seatrial import command
from seatrial.cluster import insides
from seatrial.errors import ToolFailed
from seatrial.machine import Heard

STARTED = '2026-11-21 12:00:00.5 +0000 UTC k8s.io /tasks/start {"container_id":"c1","pid":77}'
ENDED = (
    "2026-11-21 12:00:01.123456789 +0000 UTC k8s.io /tasks/exit "
    '{"container_id":"c1","id":"c1","pid":77,"exit_status":137,"exited_at":{"seconds":1}}'
)
EXEC = ENDED.replace('"id":"c1"', '"id":"a-probe"')
TABLE = (
    "TASK    PID    STATUS    \nc1      77     RUNNING\nbox     70     RUNNING\nc2  0  STOPPED\n"
)


def info(number: str, kind: str = "container", **labels: str) -> dict[str, Any]:
    pod = {"name": "web-0", "uid": "u", "namespace": "x"}
    known = {f"io.kubernetes.pod.{key}": value for key, value in pod.items()}
    known |= {"io.kubernetes.container.name": "web", "io.cri-containerd.kind": kind, **labels}
    made = "2026-11-21T12:00:00.25Z"
    return {"ID": number, "Labels": known, "CreatedAt": made, "Spec": {"root": "{}"}}


@dataclass
class Engine:
    """Answers what it is told to, and keeps what it was asked."""

    answer: str
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def docker(self, *words: str, **_: object) -> str:
        self.asked.append(words)
        return self.answer


def test_a_start_and_an_end_are_heard_with_their_time():
    assert list(insides.told(STARTED)) == [Heard("started", "c1", 1795262400.5)]
    (ended,) = insides.told(ENDED)
    assert ended.event == "ended"
    assert ended.at == pytest.approx(1795262401.123456)


@pytest.mark.parametrize(
    "line",
    [
        EXEC,
        "",
        STARTED.replace("k8s.io", "moby"),
        STARTED.replace("/tasks/start", "/containers/create"),
        "ctr: cannot connect",
    ],
    ids=["a probe's end", "nothing", "another namespace", "another topic", "no event"],
)
def test_what_is_no_containers_start_or_end_is_not_heard(line):
    assert list(insides.told(line)) == []


def test_only_what_runs_and_is_no_sandbox_is_seen():
    told = [info("c1"), info("box", "sandbox"), info("c2"), {"ID": "bare", "CreatedAt": ""}]
    said = TABLE + "\n".join(json.dumps(one, indent=4) for one in told) + "\n"
    engine: Any = Engine(said)
    (found,) = insides.running(engine, "node", "x")
    assert (found.id, found.name, found.pod, found.uid) == ("c1", "web", "web-0", "u")
    assert found.since == 1795262400.25
    assert 'labels."io.kubernetes.pod.namespace"=="x"' in engine.asked[0][-1]


def test_a_node_without_containers_is_seen_empty():
    engine: Any = Engine("TASK    PID    STATUS    \n")
    assert insides.running(engine, "node", "x") == ()


@pytest.mark.parametrize(("kind", "known"), [("container", True), ("sandbox", False)])
def test_a_container_is_known_by_its_id(kind, known):
    engine: Any = Engine(json.dumps(info("c1", kind)))
    assert bool(insides.container(engine, "node", "c1")) is known


def test_folders_of_a_namespaces_volumes_are_told_from_others():
    told = "pvc-1_x_data-web-0\npvc-2_xx_data-web-0\nlost+found\npvc-3_x_data_y\n"
    engine: Any = Engine(told)
    assert insides.lying(engine, "node", "x") == ("pvc-1_x_data-web-0", "pvc-3_x_data_y")


@pytest.fixture
def program(tmp_path):
    def written(text: str) -> dict[str, str]:
        file = tmp_path / "ctr"
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    return written


def test_listening_ends_with_the_listener_and_takes_the_runtimes_client_with_it(program, tmp_path):
    env = program(f"echo $$ > {tmp_path}/pid\necho '{STARTED}'\nexec sleep 600")
    hearing = insides.Listening(command.telling(["sh", "-c", insides._LISTEN], env=env))
    words = iter(hearing)
    assert next(words) == Heard("started", "c1", 1795262400.5)
    pid = int((tmp_path / "pid").read_text())
    assert command.born(pid)
    hearing.close()
    assert list(words) == []
    assert command.born(pid) == 0


def test_listening_ends_with_the_runtime(program):
    env = program(f"echo '{ENDED}'")
    hearing = insides.Listening(command.telling(["sh", "-c", insides._LISTEN], env=env))
    assert [word.event for word in hearing] == ["ended"]
    hearing.close()
    hearing.close()


def test_a_program_that_is_missing_is_a_sentence():
    with pytest.raises(ToolFailed, match="no such file"):
        command.telling(["seatrial-has-no-such-program"], env={})


NFT = shutil.which("nft")


@pytest.mark.skipif(NFT is None, reason="no nft here to read the rules")
@pytest.mark.parametrize("rules", [insides._CUT, insides._WHOLE], ids=["cut", "whole"])
def test_the_rules_are_rules(rules):
    argv = [str(NFT), "--check", "-f", "-"]
    done = subprocess.run(argv, input=rules, text=True, capture_output=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("only root may ask the kernel whether rules are rules")
    assert (done.returncode, done.stderr) == (0, "")
