"""Images built and named by their content; what a killed build left is swept away."""

import os

import pytest

from seatrial.cluster import images
from seatrial.cluster.engine import Engine
from seatrial.errors import CannotRun, ToolFailed
from seatrial.progress import Quiet

NONE = Engine("", private=False, version="28")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def engine(monkeypatch):
    """Let the engine hold the images in this set, and remember its other calls."""
    held: set[str] = set()
    calls: list[tuple[str, ...]] = []
    answers: dict[str, str] = {}

    def docker(_self, *words, **_options):
        calls.append(words)
        if words[0] in answers:
            raise ToolFailed(" ".join(words), seen=answers[words[0]])
        return ""

    monkeypatch.setattr(Engine, "has", lambda _, reference: reference in held)
    monkeypatch.setattr(Engine, "docker", docker)
    return held, calls, answers


def test_an_image_that_is_there_is_not_asked_for(engine):
    held, calls, _ = engine
    held.add("x:1")
    assert images.pulled(NONE, "x:1", Quiet())
    assert calls == []


def test_a_registry_that_does_not_answer_is_no_error(engine):
    _, calls, answers = engine
    answers["manifest"] = "no such host"
    assert not images.pulled(NONE, "x:1", Quiet())
    assert [words[0] for words in calls] == ["manifest"]


def test_where_a_registry_answers_the_ordinary_base_is_taken(engine):
    _, calls, _ = engine
    assert images.base(NONE, Quiet()) == "debian:bookworm-slim"
    assert calls[-1][0] == "pull"


def test_without_registry_and_root_a_sentence_says_so(engine, monkeypatch):
    engine[2]["manifest"] = "no such host"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotRun, match="debian:bookworm-slim") as caught:
        images.base(NONE, Quiet())
    assert "only root on Debian" in caught.value.seen


def test_a_subjects_image_is_named_by_what_is_in_its_folder(engine, tmp_path):
    held, calls, _ = engine
    held.add(images.ground_reference())
    (tmp_path / "Dockerfile").write_text("FROM x")
    first = images.build(NONE, "subject", tmp_path, Quiet())
    (tmp_path / "Dockerfile").write_text("FROM y")
    assert images.build(NONE, "subject", tmp_path, Quiet()) != first
    assert [words[0] for words in calls] == ["build", "build"]


def test_a_scratch_folder_goes_and_takes_those_of_the_dead_with_it():
    with images.scratch() as mine:
        dead = mine.with_name(f"scratch-{2**22 + 1}-x")
        (dead / "deep").mkdir(parents=True)
        with images.scratch() as other:
            assert mine.is_dir()
            assert other.is_dir()
            assert not dead.exists()
    assert not mine.exists()
