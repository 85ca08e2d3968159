"""What a node says of all that a trial may have left there, read from one answer."""

from typing import Any

from seatrial.cluster import residue

SAID = """\
task TASK PID STATUS
task aaa 11 RUNNING
task bbb 12 STOPPED
container trial-1 aaa
container trial-2 bbb
folder pvc-1_trial-1_data-web-0
folder pvc-2_trial-9_data-web-0
folder lost+found
table ip filter
table inet seatrial-cut
table inet seatrial-net-trial-1-0-partition
table inet seatrial-net-trial-9-0-partition
"""
ABOUT = (
    '{"ID": "aaa", "CreatedAt": "2026-01-01T00:00:00Z", "Labels": {'
    '"io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.uid": "u", '
    '"io.kubernetes.pod.namespace": "trial-1", "io.kubernetes.container.name": "web", '
    '"io.cri-containerd.kind": "container"}}'
)


class Engine:
    """Answers the question for all, and the one for a container's name."""

    def __init__(self, said: str) -> None:
        self.said, self.asked = said, list[tuple[str, ...]]()

    def docker(self, *words: str) -> str:
        self.asked.append(words)
        return self.said if len(self.asked) == 1 else f"aaa 11 RUNNING\n{ABOUT}"


def test_containers_that_run_folders_and_rules_of_a_trial_are_named():
    engine: Any = Engine(SAID)
    assert residue.left(engine, "node", ["trial-1", "trial-2"]) == (
        "a container of web-0",
        "folder pvc-1_trial-1_data-web-0",
        "rules of ours that cut it off",
        "rules trial-1-0-partition",
    )


def test_a_node_with_nothing_of_a_trial_is_asked_once():
    engine: Any = Engine("task TASK PID STATUS\nfolder pvc-2_trial-9_x\ntable ip filter\n")
    assert residue.left(engine, "node", ["trial-1"]) == ()
    assert len(engine.asked) == 1
    assert engine.asked[0][-1] == "trial-1"


def test_a_slow_proxy_of_a_trial_is_named_and_that_of_another_is_not():
    said = "detour trial-1-0-latency\ndetour trial-12-0-latency\ndetour\n"
    engine: Any = Engine(said)
    assert residue.left(engine, "node", ["trial-1"]) == ("a detour trial-1-0-latency",)


def test_a_trial_whose_name_begins_another_is_not_that_one():
    said = "table inet seatrial-net-trial-12-0-partition\nfolder pvc_trial-12_x\n"
    engine: Any = Engine(said)
    assert residue.left(engine, "node", ["trial-1"]) == ()
