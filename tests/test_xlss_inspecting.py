"""What an agent knows of a store: its packs each time, and the whole of it once a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.testing.carrying import modules

engine, inspecting = modules("xlss/image", "xlss.engine", "xlss.inspecting")
PACK = b"pack"


class Store:
    """A repository on the node that counts who looks it over; it is `lacking` what a look finds."""

    def __init__(self, folder: Path) -> None:
        self.url = str(folder)
        self.folder = folder / "data" / "ab"
        self.folder.mkdir(parents=True)
        self.looks: list[str] = []
        self.lacking = ""
        self.store("first")

    def store(self, name: str, data: bytes = PACK) -> None:
        (self.folder / name).write_bytes(data)

    def look_over(self) -> None:
        self.looks.append("beside")
        if self.lacking:
            raise engine.Refused(self.lacking)

    def demand_whole(self, snapshot: str) -> bool:
        self.looks.append(snapshot)
        if self.lacking:
            raise engine.Refused(self.lacking)
        return True


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def inspector(store):
    found = inspecting.Inspector()
    found.demand_whole(store, "s1")
    return found


def test_the_first_backup_has_the_store_looked_over_and_the_next_ones_do_not(store, inspector):
    for name in ("s2", "s3"):
        store.store(name)
        inspector.demand_whole(store, name)
    assert store.looks == ["s1"]


@pytest.mark.parametrize("data", [None, b"pac", b""])
def test_a_backup_after_a_pack_was_lost_or_cut_short_has_all_looked_over(store, inspector, data):
    (store.folder / "first").unlink() if data is None else store.store("first", data)
    inspector.demand_whole(store, "s2")
    inspector.demand_whole(store, "s3")
    assert store.looks == ["s1", "s2"]


def test_a_pack_that_was_seen_while_it_was_written_keeps_no_backup_waiting(store, inspector):
    store.store("second", b"pa")
    inspector.demand_whole(store, "s2")
    store.store("second")
    inspector.demand_whole(store, "s3")
    store.store("second", b"pa")
    inspector.demand_whole(store, "s4")
    assert store.looks == ["s1", "s4"]


def test_what_came_since_the_last_look_must_be_there_too(store, inspector):
    store.store("second")
    inspector.demand_whole(store, "s2")
    (store.folder / "second").unlink()
    inspector.demand_whole(store, "s3")
    assert store.looks == ["s1", "s3"]


def test_a_look_beside_the_backups_spares_them_their_own(store, inspector):
    inspector.every = 0.0
    inspector.look_again()
    inspector.demand_whole(store, "s2")
    assert store.looks == ["s1", "beside"]


def test_where_no_look_was_taken_for_too_long_a_backup_takes_it_itself(store, inspector):
    inspector.every = 0.0
    inspector.demand_whole(store, "s2")
    assert store.looks == ["s1", "s2"]


def test_of_a_store_that_a_look_beside_finds_wanting_nothing_is_called_complete(
    store, inspector, capsys
):
    store.lacking = "pack ab: not found"
    inspector.look_again()
    assert "is not known to be whole: pack ab: not found" in capsys.readouterr().err
    with pytest.raises(engine.Refused, match="pack ab: not found"):
        inspector.demand_whole(store, "s2")
    store.lacking = ""
    inspector.demand_whole(store, "s3")
    assert store.looks == ["s1", "beside", "s2", "s3"]


def test_a_backup_that_listed_before_a_look_found_the_store_wanting_does_not_undo_that(
    store, inspector
):
    before = inspector.known[store.url]
    store.lacking = "index cd: not found"
    inspector.look_again()
    inspector._learn(before)
    with pytest.raises(engine.Refused, match="index cd"):
        inspector.demand_whole(store, "s2")


def test_a_look_that_began_before_a_backup_still_wants_what_that_one_stored(store, inspector):
    earlier = inspecting.Known(store, inspecting.listed(store.url), 0.0)
    store.store("second")
    inspector.demand_whole(store, "s2")
    inspector._learn(earlier)
    (store.folder / "second").unlink()
    inspector.demand_whole(store, "s3")
    assert store.looks == ["s1", "s3"]


def test_a_store_that_takes_long_is_looked_over_less_often(inspector, monkeypatch):
    times = iter([100.0, 130.0, 200.0, 201.0])
    monkeypatch.setattr(inspecting.time, "monotonic", lambda: next(times))
    inspector.look_again()
    assert inspector.every == 300.0
    inspector.look_again()
    assert inspector.every == 60.0


def test_looks_go_on_for_ever(store, inspector):
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inspector.follow(wait)
    assert waits[1:] == [60.0, 60.0]
    assert store.looks == ["s1", "beside", "beside"]


def test_agents_that_begin_together_do_not_look_together(inspector):
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        raise KeyboardInterrupt

    for _ in range(1000):
        with pytest.raises(KeyboardInterrupt):
            inspector.follow(wait)
    found = sorted(waits)
    assert found[0] >= 0.0
    assert found[-1] <= 60.0
    assert found[250] < 30.0 < found[750]
