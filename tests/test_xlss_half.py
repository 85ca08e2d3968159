"""A file that an agent reads while another agent's backup is writing it, with a real store."""

from __future__ import annotations

import pytest

from seatrial.testing.storing import LACKING, backed_up, engine

pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"not on the path: {', '.join(LACKING)}")
WHOLE_HEAD = 50
"""Bytes of a file that are there already; restic's cache takes none of fewer than 32."""


@pytest.fixture
def kept(tmp_path, monkeypatch):
    with backed_up(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def half(kept):
    """Lets an agent read files of a kind half, then makes them whole: its cache keeps the half."""

    def read(kind: str) -> None:
        files = {path: path.read_bytes() for path in (kept.store.repository / kind).iterdir()}
        for path, whole in files.items():
            path.chmod(0o600)
            path.write_bytes(whole[:WHOLE_HEAD])
        for path in engine.STATE.glob(f"cache/*/{kind}/*/*"):
            path.unlink()
        with pytest.raises(engine.Refused, match="invalid data"):
            engine.Repository(kept.store.url, "key").run(["backup", ".", "--json"], kept.volume)
        for path, whole in files.items():
            path.write_bytes(whole)

    return read


@pytest.mark.parametrize("kind", ["index", "snapshots"])
def test_what_was_read_half_is_read_again_when_it_is_whole(kept, half, kind):
    half(kind)
    assert kept.back_up()["phase"] == "Complete"
    assert kept.restored() == ("Restored: ", kept.good)


def test_what_stays_half_in_the_store_is_told_and_asked_for_twice(kept, half, monkeypatch):
    (index,) = (kept.store.repository / "index").iterdir()
    half("index")
    index.write_bytes(index.read_bytes()[:WHOLE_HEAD])
    calls: list[str] = []
    honest = engine.Repository._ran

    def counted(self, words, *more, **named):
        calls.append(words[0])
        return honest(self, words, *more, **named)

    monkeypatch.setattr(engine.Repository, "_ran", counted)
    told = kept.back_up()
    assert (told["phase"], calls) == ("Failed", ["backup", "backup"])
    assert f"load <index/{index.name[:10]}>: invalid data returned" in told["message"]
