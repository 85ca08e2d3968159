"""The doctor judges machines that exist only here; the last tests read the real one."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from seatrial.cluster import doctor
from seatrial.cluster.doctor import Finding, Machine, registries
from seatrial.cluster.doctor.machine import together
from seatrial.errors import CannotRun

GIB = 1024**3
NAMES = ("apt-get", "chromium", "docker", "dockerd", "go", "iptables", "kind", "kubectl", "nft")

SILENT = {"images": None, "packages": False, "modules": False}

WELL = Machine(
    python=(3, 11),
    root=True,
    programs={name: f"/usr/bin/{name}" for name in NAMES},
    engine="26.1.5+dfsg1",
    private="",
    go="1.26.8",
    kernel="6.18.0",
    kernel_config="CONFIG_NET_SCH_NETEM=m\nCONFIG_OVERLAY_FS=y\n",
    kernel_modules="",
    filesystems="nodev\toverlay\n",
    mounts="cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n",
    capabilities=(1 << 41) - 1,
    inotify_instances=1024,
    fuse=True,
    memory=16 * GIB,
    cores=4,
    free={"/home/u/.cache/seatrial": 50 * GIB, "/home/u/.local/state/seatrial": 50 * GIB},
    built=False,
    registries=dict.fromkeys(SILENT, True),
)


HYBRID = (
    "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
)


def found(name: str, machine: Machine) -> Finding:
    return next(finding for finding in doctor.examine(machine) if finding.name == name)


def without(*names: str, of: Machine = WELL) -> Machine:
    left = {name: path for name, path in of.programs.items() if name not in names}
    return replace(of, programs=left)


def test_a_machine_with_everything_is_ready_and_needs_no_remedy():
    findings = doctor.examine(WELL)
    assert {finding.state for finding in findings} == {"ok"}
    assert not any(finding.remedy or finding.consequence for finding in findings)
    assert doctor.ready(findings)


def test_every_lack_says_what_follows_and_what_to_do():
    bare = replace(
        without(*NAMES),
        python=(3, 9),
        root=False,
        engine="",
        go="",
        kernel_config="# CONFIG_NET_SCH_NETEM is not set\n",
        filesystems="",
        mounts="",
        capabilities=0,
        inotify_instances=128,
        fuse=False,
        memory=GIB,
        cores=1,
        free={"/home/u/.cache/seatrial": GIB},
        registries=SILENT,
    )
    findings = doctor.examine(bare)
    assert all(f.state != "ok" and f.consequence and f.remedy for f in findings)
    assert not doctor.ready(findings)


def test_no_two_findings_share_a_name():
    names = [finding.name for finding in doctor.examine(WELL)]
    assert len(names) == len(set(names))


def test_a_missing_thing_that_is_not_needed_leaves_the_machine_ready():
    machine = replace(without("chromium"), fuse=False, kernel_config="CONFIG_X=y")
    assert found("chromium", machine).state == "missing"
    assert found("netem", machine).state == "missing"
    assert "latency takes a side path: toxiproxy" in found("netem", machine).consequence
    assert doctor.ready(doctor.examine(machine))


@pytest.mark.parametrize(
    ("engine", "root", "state"),
    [
        ("26.1.5+dfsg1", False, "ok"),
        ("20.10.24", False, "ok"),
        ("19.03.8", False, "missing"),
        ("", False, "missing"),
        ("", True, "degraded"),
        ("19.03.8", True, "missing"),
    ],
)
def test_an_engine_is_ours_to_start_only_as_root_on_debian(engine, root, state):
    assert found("container engine", replace(WELL, engine=engine, root=root)).state == state


def test_root_without_apt_cannot_have_a_private_engine():
    machine = replace(without("apt-get"), engine="")
    assert found("container engine", machine).state == "missing"
    assert not doctor.ready(doctor.examine(machine))


def test_the_engine_that_we_started_counts():
    finding = found("container engine", replace(WELL, engine="", private="26.1.5", root=False))
    assert (finding.state, finding.seen) == ("ok", "our own Docker 26.1.5 answers")


def test_kind_can_be_built_where_go_is():
    assert found("kind", without("kind")).state == "degraded"
    assert found("kind", without("kind", "go")).state == "missing"


@pytest.mark.parametrize(
    ("config", "modules", "state"),
    [
        ("CONFIG_NET_SCH_NETEM=y\n", "", "ok"),
        ("", "kernel/net/sched/sch_netem.ko.xz: kernel/x.ko\n", "ok"),
        ("# CONFIG_NET_SCH_NETEM is not set\n", "", "missing"),
        ("", "", "degraded"),
    ],
)
def test_netem_is_read_from_the_kernels_own_configuration(config, modules, state):
    machine = replace(WELL, kernel_config=config, kernel_modules=modules)
    assert found("netem", machine).state == state


@pytest.mark.parametrize(
    ("mounts", "state", "seen"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "ok", "version 2"),
        (HYBRID, "degraded", "version 1"),
        ("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n", "missing", "none is mounted"),
    ],
)
def test_a_hybrid_hierarchy_counts_as_version_1(mounts, state, seen):
    finding = found("cgroup", replace(WELL, mounts=mounts))
    assert (finding.state, finding.seen) == (state, seen)


def test_one_capability_less_is_one_finding():
    machine = replace(WELL, capabilities=WELL.capabilities & ~(1 << 24))
    lacking = [finding.name for finding in doctor.examine(machine) if finding.state != "ok"]
    assert lacking == ["CAP_SYS_RESOURCE"]


def test_disk_is_judged_by_the_fuller_place():
    finding = found("disk", replace(WELL, free={"/a": 50 * GIB, "/b": 3 * GIB}))
    assert (finding.state, finding.needed) == ("missing", True)
    assert "/b" in finding.seen


def test_without_any_registry_only_what_is_built_already_helps():
    silent = replace(WELL, registries=SILENT)
    assert not doctor.ready(doctor.examine(silent))
    assert doctor.ready(doctor.examine(replace(silent, built=True)))


def test_an_unknown_registry_is_called_unknown():
    finding = found("container registry", replace(WELL, registries=SILENT))
    assert (finding.state, finding.needed) == ("degraded", False)
    assert "unknown" in finding.sentence


def test_each_json_object_has_a_name_a_sentence_and_a_state():
    document = json.loads(json.dumps(doctor.as_json(doctor.examine(without("kind")))))
    kind = next(item for item in document if item["name"] == "kind")
    assert kind["sentence"] == f"kind: not found; {kind['consequence']}"
    assert set(kind) == {
        *("name", "state", "seen", "consequence", "remedy", "needed", "sentence"),
    }


def test_an_answer_that_does_not_come_in_time_is_none():
    never = threading.Event()
    answers = together({"quick": lambda: "yes", "slow": lambda: str(never.wait(5))}, 0.05)
    assert answers == {"quick": "yes", "slow": None}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Make clients that answer as told: `programs(go="exit 1")` makes a go that fails."""

    def make(**bodies: str) -> dict[str, str]:
        for name, body in bodies.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("seatrial.cluster.engine.running", lambda: None)
        monkeypatch.setattr(registries, "_APT_HELPER", str(tmp_path / "apt-helper"))
        return {name.replace("_", "-"): "" for name in bodies}

    return make


def asked(programs: dict[str, str]) -> dict[str, bool | None]:
    return together(registries.questions(programs, 5), 10)


def test_registries_answer_when_their_clients_get_something(programs):
    found = programs(docker="exit 0", go="echo v1", apt_get="echo http://x/", apt_helper="exit 0")
    assert asked(found) == {"images": True, "packages": True, "modules": True}


def test_registries_are_silent_when_their_clients_get_nothing(programs):
    go = "test $1 = env"
    found = programs(docker="exit 1", go=go, apt_get="echo http://x/", apt_helper="exit 100")
    assert asked(found) == {"images": False, "packages": False, "modules": False}


def test_registries_without_a_client_or_a_source_are_unknown(programs):
    assert set(asked(programs()).values()) == {None}
    assert asked(programs(apt_get="exit 0"))["packages"] is None


def test_a_go_that_may_not_ask_anybody_gets_no_modules(programs):
    assert asked(programs(go="echo off"))["modules"] is False


def test_a_client_that_hangs_counts_as_silent(programs):
    found = programs(docker="while :; do :; done")
    assert registries.questions(found, 0.2)["images"]() is False


def test_a_question_that_fails_is_none():
    def fail() -> str:
        raise CannotRun("an answer")

    assert together({"failing": fail}, 5) == {"failing": None}


def test_this_machine_can_be_examined():
    findings = doctor.examine()
    assert all(finding.state in {"ok", "degraded", "missing"} for finding in findings)
