"""Faults of recovery: what they see is told, and nothing of them is left, whoever is killed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from seatrial import timing
from seatrial.errors import CannotRun
from seatrial.faults import FAULTS, broken, copy_reading
from seatrial.faults.journal import Journal
from seatrial.faults.undo import Reach, undone
from seatrial.kube.client import Kube, connect
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.testing.dying import killed_at
from seatrial.testing.kept import proofs
from seatrial.testing.rescuing import AGENT, SCHEDULE, STORE, Rescuing, rescued
from seatrial.testing.staging import staging
from seatrial.timing import Limit, wait

KINDS = ("pods", "persistentvolumeclaims", "persistentvolumes", "endpointslices")
ELSEWHERE, DOWN = FAULTS["restore-elsewhere"], FAULTS["backup-store-down"]
CHANGE = FAULTS["backup-policy-change"]
SOON = Limit("the test's own patience", 20)
READ = {
    "names": ["ledger"], "files": 2, "bytes": 9, "digest": "d", "records": [], "corrupt": [],
    "marker": "m",
}  # fmt: skip
BANK = {"transfers": 3, "balances": {"account-0": 100}}
PLANTED = {"plant": {"a": 1}, "poison": {"a": 2}, "open": BANK, "told": BANK}
SEARCHED = {"blobs": 3, "bytes": 7, "found": [], "why": ""}


@pytest.fixture(autouse=True)
def disk(monkeypatch, tmp_path):
    monkeypatch.setitem(timing._SECONDS, "a dropped policy is watched", 0.3)
    monkeypatch.setitem(timing._SECONDS, "a policy is followed", 3.0)
    for name in ("a copy is asked for no more", "a copy is served", "a backup is complete"):
        monkeypatch.setitem(timing._SECONDS, name, 3.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    disk = tmp_path / "disk"

    def run(
        kube: Kube, space: str, pod: str, container: str, argv: Sequence[str], _: object
    ) -> str:
        if argv[-1] == "8000":
            # Also in a process of its own, which sees the server and not what is in ours.
            service = kube.get(f"/api/v1/namespaces/x/services/{STORE}")
            down = len(service["spec"]["selector"]) > 1
            return "refused" if down else "connected"
        if pod == "web-0":
            did = argv[4] if argv[0] == "python3" else "ls"
            there = disk.exists()
            if did != "close":
                with disk.open("a") as file:
                    file.write(f"{did} ")
            if did == "remove":
                disk.unlink()
            # The bank goes with what is planted: `close` has nothing more to remove.
            return (
                json.dumps(PLANTED.get(did, there and did != "close"))
                if did != "ls"
                else "ledger\n"
            )
        assert (space, pod, container) == ("x", "elsewhere", "elsewhere")
        told = {"read": READ, "search": SEARCHED, "manifest": {"a": 1}, "told": BANK}
        return json.dumps(told[argv[4]])

    monkeypatch.setattr(Kube, "run", run)
    return disk


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture(autouse=True)
def made(api):
    with rescued(Rescuing(api)) as playing:
        yield playing


def tried(api: FakeApi, folder: Any, fault: Any) -> dict[str, Any]:
    kept = Kept()
    with staging(api, folder, *KINDS, journal=Journal(), image="ground", container="web") as scene:
        wait(scene.stream, lambda _: None if scene.member(0) else "no member", SOON)
        with broken(fault, scene, 0, kept):
            pass
    return proofs(kept)


def commands(api: FakeApi) -> list[str]:
    """Name the commands that its policy has in the member's container."""
    about = api.of("pods")["x/web-0"]["metadata"]["annotations"]
    return [key for key in about if key.endswith(("/quiesce", "/resume"))]


def left(api: FakeApi) -> list[str]:
    """Name all that is there of a copy."""
    kinds = ("pods", "persistentvolumeclaims", "secrets", "restores", "persistentvolumes")
    return [key for kind in kinds for key in api.of(kind) if "elsewhere" in key]


def test_a_copy_is_read_its_agent_ended_and_nothing_of_it_stays(api, disk, tmp_path):
    told = tried(api, tmp_path, ELSEWHERE)
    receipt = told["receipt"]
    assert receipt["backup"]["snapshot"] == "aaaaaaaa"
    assert receipt["copy"] == {**READ, "manifest": {"a": 1}, "served": True, "why": ""}
    assert (receipt["planted"], receipt["poisoned"]) == ({"a": 1}, {"a": 2})
    assert not disk.exists()
    assert receipt["bank"] == {k: {**BANK, "total": 800} for k in ("before", "after")} | {
        "copy": BANK
    }
    assert commands(api) == []
    assert "lay in a volume of web-0" in told["healed"]["cleared"]
    assert receipt["source"] == ["ledger"]
    assert receipt["repository"] == SEARCHED
    assert receipt["requests"]["agent"] == {"pod": AGENT, "phase": "Running"}
    assert receipt["requests"]["restored"] == ["elsewhere-00"]
    assert receipt["requests"]["left"] == []
    assert receipt["wrong"]["phase"] == "Failed"
    assert not receipt["wrong"]["served"]
    assert left(api) == []
    assert "x/data-web-0" in api.of("persistentvolumeclaims")
    assert Journal().read() == ([], {})


def test_the_pod_that_reads_runs_as_the_member_does(api, tmp_path):
    tried(api, tmp_path, ELSEWHERE)
    pods = [t.found for t in api.log if t.plural == "pods"]
    copy = next(pod for pod in pods if pod["metadata"]["name"] == "elsewhere")
    assert copy["spec"]["securityContext"]["runAsUser"] == 7


def test_requests_that_stay_and_a_key_that_does_not_matter_are_told(api, made, tmp_path):
    made.hoards = made.trusts = True
    told = tried(api, tmp_path, ELSEWHERE)["receipt"]
    assert len(told["requests"]["left"]) == 20
    assert told["wrong"]["served"] or told["wrong"]["phase"] in {"Running", "Restored"}
    assert left(api) == []


def test_a_store_is_away_a_failure_is_told_and_the_next_succeeds(api, tmp_path):
    told = tried(api, tmp_path, DOWN)
    assert told["receipt"]["service"] == STORE
    assert told["receipt"]["asked"]["phase"] == "Failed"
    assert told["receipt"]["since"] <= told["receipt"]["until"]
    assert told["healed"]["asked"]["phase"] == "Complete"
    assert api.of("services")[f"x/{STORE}"]["spec"]["selector"] == {"app": STORE}


def test_a_success_without_a_store_is_told_as_it_is(api, made, tmp_path):
    made.lies = True
    assert tried(api, tmp_path, DOWN)["receipt"]["asked"]["phase"] == "Complete"


def schedule(api: FakeApi) -> Any:
    member = api.of("pods")["x/web-0"]["metadata"]
    return member["annotations"].get("recovery.seatrial.dev/schedule")


def test_a_policy_is_changed_dropped_spoiled_and_given_back(api, tmp_path):
    told = tried(api, tmp_path, CHANGE)
    receipt = told["receipt"]
    assert len(receipt["quick"]["began"]) == 4
    assert (receipt["dropped"]["began"], receipt["malformed"]["asked"]) == ([], "-5s")
    assert "not -5s" in receipt["malformed"]["said"]
    assert told["healed"]["again"]["began"]
    assert schedule(api) == SCHEDULE


def test_a_policy_that_nobody_follows_is_told_as_it_is(api, made, tmp_path):
    made.deaf = True
    told = tried(api, tmp_path, CHANGE)
    assert told["receipt"]["quick"]["began"] == told["healed"]["again"]["began"] == []
    assert schedule(api) == SCHEDULE


def test_a_member_without_a_policy_has_none_to_change(api, tmp_path):
    api.put("pods", "web-0", "x", metadata={"annotations": None})
    with pytest.raises(CannotRun, match="has no annotation"):
        tried(api, tmp_path, CHANGE)


def test_a_member_without_a_policy_has_no_store_to_take_away(api, tmp_path):
    api.put("pods", "web-0", "x", metadata={"annotations": None})
    with pytest.raises(CannotRun, match="has no annotation"):
        tried(api, tmp_path, DOWN)


@pytest.mark.parametrize("fault", [ELSEWHERE, DOWN, CHANGE], ids=lambda fault: fault.name)
@pytest.mark.parametrize("at", [1, 2, 3, 5, 12, 24, 28])
def test_whoever_is_killed_at_a_call_is_healed_by_the_journal(fault, at, api, tmp_path):
    killed = killed_at(at, lambda: tried(api, tmp_path, fault), after=True)
    entries, _ = Journal().read()
    assert len(entries) == (1 if killed else 0)
    for entry in entries:
        reach = Reach(kube=connect(api.kubeconfig(tmp_path / "other")))
        undone(entry, reach)
        assert undone(entry, reach) == []
    assert left(api) == commands(api) == []
    assert api.of("services")[f"x/{STORE}"]["spec"]["selector"] == {"app": STORE}
    assert schedule(api) == SCHEDULE


def test_what_is_planted_in_a_copy_is_told_whole_and_poison_in_it_is_seen(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    planted = copy_reading.main(["plant", str(before)])
    assert {"plain", "empty", "link", "below", "below/large"} == {*planted}
    shutil.copytree(before, after, symlinks=True)
    assert copy_reading.main(["manifest", str(after)]) == planted
    poisoned = copy_reading.main(["poison", str(before)])
    assert poisoned != planted == copy_reading.main(["manifest", str(after)])
    assert {*poisoned} - {*planted} == {"poison"}
    assert [copy_reading.main(["remove", str(before)]) for _ in range(2)] == [True, False]
    assert copy_reading.main(["manifest", str(before)]) == {}


def test_a_member_that_is_held_still_by_commands_of_its_own_gets_no_bank(api, tmp_path):
    own = {"recovery.seatrial.dev/quiesce": "fsfreeze -f /data"}
    api.put("pods", "web-0", "x", metadata={"annotations": own})
    assert tried(api, tmp_path, ELSEWHERE)["receipt"]["bank"] == {}
    assert api.of("pods")["x/web-0"]["metadata"]["annotations"].items() >= own.items()


def line(writer: str, seq: int, previous: int) -> tuple[str, int]:
    crc = zlib.crc32(json.dumps([writer, seq, "v", previous], separators=(",", ":")).encode())
    told = {"writer": writer, "seq": seq, "crc": crc, "previous": previous, "value": "v"}
    return json.dumps(told, separators=(",", ":")) + "\n", crc


def test_a_copy_is_told_with_its_files_its_records_and_a_marker(tmp_path):
    first, crc = line("w", 1, 0)
    second, other = line("w", 2, crc)
    (tmp_path / "ledger").write_text(first + second + '{"torn')
    (tmp_path / "token").write_text("t")
    done = subprocess.run(
        [sys.executable, copy_reading.__file__, "read", str(tmp_path)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["files"], told["records"]) == (2, [["w", 1, crc, 0], ["w", 2, other, crc]])
    assert told["marker"] == first.strip()
    assert told["corrupt"] == []


def test_a_line_that_is_no_record_is_told_as_corrupt(tmp_path):
    first, _ = line("w", 1, 0)
    (tmp_path / "ledger").write_text(first + first.replace('"v"', '"x"'))
    told = copy_reading.read(str(tmp_path))
    assert len(told["corrupt"]) == 1


def test_files_that_differ_in_mode_alone_have_another_digest(tmp_path):
    (tmp_path / "a").write_text("x")
    before = copy_reading.read(str(tmp_path))["digest"]
    (tmp_path / "a").chmod(0o600)
    assert copy_reading.read(str(tmp_path))["digest"] != before


class Store(BaseHTTPRequestHandler):
    """A REST repository with one pack."""

    files: dict[str, bytes]

    def do_GET(self) -> None:
        names = [n for n in self.files if f"/{n}".startswith(self.path) and self.path.endswith("/")]
        listed = json.dumps([{"name": name.split("/")[1], "size": 1} for name in names]).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.files.get(self.path[1:], listed))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("plain", [True, False])
def test_a_record_in_a_repository_is_found_where_it_lies_and_only_there(plain):
    pack = b"..marker.." if plain else b"\x00\x01"
    bound = type("Bound", (Store,), {"files": {"config": b"c", "keys/k": b"k", "data/aa": pack}})
    server = HTTPServer(("127.0.0.1", 0), bound)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = copy_reading.main(["search", f"http://127.0.0.1:{server.server_port}/", "marker"])
    server.shutdown()
    server.server_close()
    assert told == {"blobs": 3, "bytes": told["bytes"], "found": ["data/aa"] * plain, "why": ""}


def test_a_repository_that_does_not_answer_is_told():
    assert copy_reading.main(["search", "http://127.0.0.1:9/", "m"])["why"]
