"""The configuration centre as its container runs it, and a member's client of it: real HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.places import carried
from seatrial.testing.served import Served, served

ROOT = carried("fixtures") / "config"
LEDGER = carried("fixtures") / "ledger" / "image"
SERVE = [sys.executable, "-B", "-u", str(ROOT / "centre" / "centre.py"), "serve"]
MEMBER = [sys.executable, "-B", "-u", str(ROOT / "image" / "configured.py"), "serve"]
REACH = [sys.executable, "-B", str(ROOT / "image" / "reach.py")]
PREPARE = [sys.executable, "-B", str(ROOT / "image" / "prepare.py")]
RELEASES = "/apps/ledger/clusters/default/namespaces/application/releases"
CONFIG = "/configs/ledger/default/application"
SEED = {"ledger": {"default": {"application": {"colour": "green"}}}}


@contextmanager
def centre(folder: Path, port: int = 0, hold: float = 5, **more: str) -> Iterator[Served]:
    (folder / "seed.json").write_text(json.dumps(SEED))
    env = {"CENTRE_DATA": str(folder), "CENTRE_PORT": str(port), "CENTRE_HOLD": str(hold)}
    with served(SERVE, {**env, "CENTRE_SEED": str(folder / "seed.json"), **more}) as found:
        yield found


@pytest.fixture
def alone(tmp_path):
    with centre(tmp_path, hold=0.3) as found:
        yield found


def got(found: Served, path: str, body: object = None) -> Any:
    status, said = found.ask(path, body)
    return (status, json.loads(said)) if said else (status, None)


def publish(found: Served, **values: str) -> str:
    status, said = got(found, RELEASES, {"configurations": values})
    assert status == 200
    key: str = said["releaseKey"]
    return key


def news(number: int, *names: str) -> str:
    asked = [{"namespaceName": n, "notificationId": number} for n in names or ("application",)]
    return (
        f"/notifications/v2?appId=ledger&cluster=default&notifications={quote(json.dumps(asked))}"
    )


def test_what_holds_is_told_with_its_release_and_not_told_again(alone):
    status, said = got(alone, CONFIG)
    assert (status, said["configurations"]) == (200, {"colour": "green"})
    assert {*said} == {"appId", "cluster", "namespaceName", "configurations", "releaseKey"}
    assert got(alone, f"{CONFIG}?releaseKey={said['releaseKey']}") == (304, None)
    new = publish(alone, colour="red")
    status, after = got(alone, f"{CONFIG}?releaseKey={said['releaseKey']}")
    assert (status, after["configurations"], after["releaseKey"]) == (200, {"colour": "red"}, new)


def test_a_file_holds_the_configurations_alone(alone):
    told = got(alone, "/configfiles/json/ledger/default/application")
    assert told == (200, {"colour": "green"})


def test_a_cluster_without_a_release_of_its_own_has_that_of_the_default_one(alone):
    assert got(alone, "/configs/ledger/north/application")[1]["cluster"] == "default"
    wanted = {"configurations": {"colour": "white"}}
    assert got(alone, RELEASES.replace("/default/", "/north/"), wanted)[0] == 200
    assert got(alone, "/configs/ledger/north/application")[1]["configurations"] == {
        "colour": "white"
    }
    assert got(alone, CONFIG)[1]["configurations"] == {"colour": "green"}


def test_a_namespace_may_be_asked_for_as_a_file_and_is_named_back_as_it_was_asked(alone):
    assert got(alone, f"{CONFIG}.properties")[0] == 200
    status, said = got(alone, news(-1, "application.properties", "other"))
    assert (status, [one["namespaceName"] for one in said]) == (200, ["application.properties"])


def test_who_knows_what_holds_waits_for_news_and_is_told_none_in_the_end(alone):
    number = got(alone, news(-1))[1][0]["notificationId"]
    began = time.monotonic()
    assert got(alone, news(number)) == (304, None)
    assert time.monotonic() - began > 0.25


def test_who_waits_is_told_at_once_of_a_release(tmp_path):
    with centre(tmp_path, hold=20) as found:
        number = got(found, news(-1))[1][0]["notificationId"]
        told: list[Any] = []
        waiting = threading.Thread(target=lambda: told.append(got(found, news(number))))
        waiting.start()
        publish(found, colour="red")
        waiting.join(10)
    ((status, (one,)),) = told
    assert (status, one["namespaceName"]) == (200, "application")
    assert one["notificationId"] > number
    assert one["messages"] == {"details": {"ledger+default+application": one["notificationId"]}}


def test_every_version_stays_and_what_holds_already_is_no_new_one(alone):
    first = got(alone, CONFIG)[1]["releaseKey"]
    second = publish(alone, colour="red")
    assert publish(alone, colour="red") == second != first
    kept = got(alone, RELEASES)[1]
    assert [one["releaseKey"] for one in kept] == [first, second]
    assert got(alone, f"{RELEASES}/latest")[1]["releaseKey"] == second
    assert json.loads(kept[0]["configurations"]) == {"colour": "green"}
    assert got(alone, "/apps/ledger/clusters")[1] == [{"id": 2, "name": "default"}]
    spaces = got(alone, "/apps/ledger/clusters/default/namespaces")[1]
    assert spaces == [{"id": 2, "namespaceName": "application"}]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_releases_outlive_the_centre_and_the_seed_is_not_sown_again(sign, tmp_path):
    with centre(tmp_path) as found:
        key = publish(found, colour="red")
        found.process.send_signal(sign)
        found.process.wait(10)
    with centre(tmp_path) as found:
        assert got(found, CONFIG)[1]["releaseKey"] == key
        assert found.started == {"releases": 2}


def test_a_release_that_was_cut_short_was_never_told_and_is_none(tmp_path):
    with centre(tmp_path) as found:
        publish(found, colour="red")
    path = tmp_path / "releases"
    path.write_bytes(path.read_bytes()[:-7])
    with centre(tmp_path) as found:
        assert got(found, CONFIG)[1]["configurations"] == {"colour": "green"}
        publish(found, colour="blue")
    with centre(tmp_path) as found:
        assert got(found, CONFIG)[1]["configurations"] == {"colour": "blue"}


def test_a_disk_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "releases").write_text('{"app": 1}\n')
    env = {**os.environ, "CENTRE_DATA": str(tmp_path), "CENTRE_PORT": "0"}
    done = subprocess.run(SERVE, env=env, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert f"cannot serve {tmp_path}" in done.stderr


def test_a_full_disk_refuses_a_release_and_nobody_is_told_of_it(tmp_path):
    path = tmp_path / "releases"
    with centre(tmp_path) as found:
        before, whole = got(found, CONFIG)[1], path.read_bytes()
        path.unlink()
        path.mkdir()
        assert got(found, RELEASES, {"configurations": {"colour": "red"}})[0] == 500
        assert got(found, CONFIG)[1] == before
        path.rmdir()
        path.write_bytes(whole)
        publish(found, colour="red")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/configs/ledger/default/nothing", None, 404),
        ("/configs/nobody/default/application", None, 404),
        ("/elsewhere", None, 404),
        ("/apps", None, 404),
        ("/notifications/v2", None, 400),
        ("/notifications/v2?appId=ledger&notifications=nonsense", None, 400),
        ("/notifications/v2?appId=ledger&notifications=[]", None, 400),
        ("/notifications/v2?appId=ledger&notifications=[7]", None, 400),
        ("/elsewhere", {}, 404),
        (RELEASES, [], 400),
        (RELEASES, {"configurations": {"a": 1}}, 400),
        (RELEASES, {"configurations": None}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(alone, path, body, status):
    told, said = got(alone, path, body)
    assert told == status
    assert said["error"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_was_published_last_is_what_is_told(alone, published):
    for values in published:
        assert got(alone, RELEASES, {"configurations": values})[0] == 200
    assert got(alone, CONFIG)[1]["configurations"] == published[-1]


class Grounds:
    """A centre that can be away, and members that know where it would be."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder, self.running = folder, running
        (folder / "centre").mkdir()
        (folder / "file").write_text("colour = blue\n")
        (folder / "key").write_text("correct horse battery staple")
        self.port = 0
        self.begins()

    def begins(self) -> None:
        self.life = self.running.enter_context(ExitStack())
        self.centre = self.life.enter_context(centre(self.folder / "centre", self.port))
        self.port = self.centre.port

    def ends(self) -> None:
        self.centre.process.send_signal(signal.SIGTERM)
        self.centre.process.wait(10)
        self.life.close()

    def environment(self, **more: str) -> dict[str, str]:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        return {
            "LEDGER_DATA": str(data), "LEDGER_PORT": "0", "POD_NAME": "ledger-2",
            "PYTHONPATH": str(LEDGER), "CENTRE": f"127.0.0.1:{self.port}", "CENTRE_HOLD": "5",
            "CONFIG_BACKUP": str(data / "config" / "application.json"),
            "CONFIG_FILE": str(self.folder / "file"), "CONFIG_SECRET": str(self.folder / "key"),
            "CONFIG_VARIABLE": "info", "CONFIG_OWN": str(self.folder / "none"), **more,
        }  # fmt: skip

    @contextmanager
    def member(self, **more: str) -> Iterator[Served]:
        with served(MEMBER, self.environment(**more)) as found:
            yield found

    def reach(self, *words: str, port: int = 0) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **self.environment(LEDGER_PORT=str(port))}
        argv = [*REACH, *words]
        return subprocess.run(
            argv, env=env, capture_output=True, text=True, check=False, timeout=30
        )


@pytest.fixture
def grounds(tmp_path):
    with ExitStack() as running:
        yield Grounds(tmp_path, running)


def until(found: Served, key: str, value: object) -> dict[str, Any]:
    """Give what a member runs with once that says so."""
    ends = time.monotonic() + 15
    while (told := got(found, "/config")[1])[key] != value:
        assert time.monotonic() < ends, told
        threading.Event().wait(0.05)
    assert isinstance(told, dict)
    return told


def test_a_member_tells_all_that_it_runs_with_and_where_it_has_it_from(grounds):
    with grounds.member() as member:
        told = until(member, "source", "centre")
        assert (told["values"], told["reached"]) == ({"colour": "green"}, True)
        assert told["began"] == {"source": "centre", "release": told["release"]}
        settings = told["settings"]
        assert (settings["file"], settings["variable"]) == ("colour = blue", "info")
        assert settings["own"] == "unreadable: No such file or directory"
        assert len(settings["secret"]) == 16
        assert "horse" not in json.dumps(told)
        assert member.ask("/readyz")[0] == 200
        (grounds.folder / "file").write_text("colour = red\n")
        assert got(member, "/config")[1]["settings"]["file"] == "colour = red"


def test_a_change_is_pushed_to_members_and_waited_for(grounds):
    with grounds.member() as member:
        until(member, "source", "centre")
        said = grounds.reach("publish", "red")
        done = grounds.reach("taken", "red", port=member.port)
        assert said.returncode == 0
        assert (done.returncode, done.stdout) == (0, said.stdout)
        told = json.loads(grounds.reach("told", port=member.port).stdout)
        assert told["values"] == {"colour": "green", "word": "red"}
        assert member.ask("/config?word=blue&within=0.1")[0] == 504
        assert member.ask("/config?word=blue&within=x")[0] == 400


def test_with_the_centre_down_a_member_starts_on_its_copy_and_takes_up_changes_later(grounds):
    with grounds.member() as member:
        release = until(member, "source", "centre")["release"]
    grounds.ends()
    with grounds.member() as member:
        told = until(member, "source", "backup")
        assert (told["release"], told["values"]) == (release, {"colour": "green"})
        assert member.ask("/readyz")[0] == 200
        assert grounds.reach("ask").returncode == 1
        grounds.begins()
        assert until(member, "reached", value=True)["source"] == "centre"
        assert grounds.reach("ask").stdout.strip() == release
        grounds.reach("publish", "red")
        assert grounds.reach("taken", "red", port=member.port).returncode == 0
        after = got(member, "/config")[1]
        assert after["began"] == {"source": "backup", "release": release}
        assert (after["source"], after["values"]["word"]) == ("centre", "red")


def test_what_was_changed_while_a_member_was_away_is_what_it_starts_with(grounds):
    with grounds.member() as member:
        until(member, "source", "centre")
    grounds.reach("publish", "red")
    with grounds.member() as member:
        assert until(member, "source", "centre")["values"]["word"] == "red"


def test_without_centre_and_copy_a_member_is_alive_and_not_ready_and_takes_no_write(grounds):
    grounds.ends()
    with ExitStack() as running:
        # It says who it is only once it serves: its second line is its start all the same.
        member = running.enter_context(grounds.member())
        assert member.ask("/healthz")[0] == 200
        assert member.ask("/readyz")[0] == 503
        assert member.ask("/ledger")[0] == 503
        record = {"writer": "w", "seq": 1, "value": "one", "previous": 0}
        assert member.ask("/append", record)[0] == 503
        assert got(member, "/config")[1]["source"] == "none"
        grounds.begins()
        until(member, "source", "centre")
        assert member.ask("/append", record)[0] == 201


def test_a_client_without_a_copy_has_nothing_when_the_centre_is_down(grounds):
    """The planted defect: what the live rogue does, too."""
    with grounds.member(CONFIG_BACKUP="") as member:
        until(member, "source", "centre")
    grounds.ends()
    with grounds.member(CONFIG_BACKUP="") as member:
        threading.Event().wait(1)
        assert got(member, "/config")[1]["source"] == "none"
        assert member.ask("/readyz")[0] == 503


@pytest.mark.parametrize("content", ["", "{", "[]", '{"release": "1"}'])
def test_a_copy_that_is_none_is_not_run_with(grounds, content):
    copy = Path(grounds.environment()["CONFIG_BACKUP"])
    copy.parent.mkdir(parents=True)
    copy.write_text(content)
    grounds.ends()
    with grounds.member() as member:
        threading.Event().wait(1)
        assert got(member, "/config")[1]["source"] == "none"


def test_each_member_has_a_file_of_its_own_generated_at_each_start(tmp_path):
    (tmp_path / "template").write_text("server.id = $ordinal\nserver.name = $name\n")
    (tmp_path / "program").mkdir()
    env = {
        **os.environ, "CONFIG_TEMPLATE": str(tmp_path / "template"), "POD_NAME": "ledger-7",
        "CONFIG_PROGRAM": str(tmp_path / "program"), "CONFIG_OWN": str(tmp_path / "own"),
    }  # fmt: skip
    assert subprocess.run(PREPARE, env=env, check=False, timeout=20).returncode == 0
    assert (tmp_path / "own").read_text() == "server.id = 7\nserver.name = ledger-7\n"
    brought = {path.name for path in (tmp_path / "program").iterdir()}
    assert brought == {path.name for path in (ROOT / "image").glob("*.py")}
    other = {**env, "POD_NAME": "nobody"}
    done = subprocess.run(PREPARE, env=other, capture_output=True, check=False, timeout=20)
    assert b"nobody has no ordinal" in done.stderr


def test_what_reach_is_asked_wrongly_it_says(grounds):
    assert grounds.reach().returncode == grounds.reach("fly").returncode == 2
    assert "wanted: reach.py ask | publish" in grounds.reach("publish").stderr


def test_a_connection_that_is_cut_in_the_middle_leaves_the_centre_whole(alone):
    connection = http.client.HTTPConnection("127.0.0.1", alone.port, timeout=5)
    connection.putrequest("POST", RELEASES)
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"{")
    connection.close()
    assert got(alone, CONFIG)[0] == 200
