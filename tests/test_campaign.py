"""A campaign of tests goes on where it stopped, and stops when its time is over."""

import json
from pathlib import Path

import pytest

from seatrial.campaign import Campaign, fingerprint

pytest_plugins = ["pytester"]
TESTS = """
    import pathlib
    def test_one(): pass
    def test_two(): assert pathlib.Path("mended").exists()
    def test_three(): pass
"""


@pytest.fixture
def campaign(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(TESTS)

    def run(*words):
        return pytester.runpytest("-p", "seatrial.plugin", "--trial-campaign", "kept.jsonl", *words)

    return run


def test_what_passed_is_left_out_and_what_failed_is_tried_again(campaign, pytester):
    campaign().assert_outcomes(passed=2, failed=1)
    pytester.path.joinpath("mended").touch()
    again = campaign()
    again.assert_outcomes(passed=1, deselected=2)
    again.stdout.fnmatch_lines(["campaign: 2 passed before, 0 left"])
    assert campaign().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_changed_code_is_tried_from_the_beginning(campaign, pytester):
    campaign("-k", "one").assert_outcomes(passed=1, deselected=2)
    pytester.mkdir("suites").joinpath("more.py").write_text("")
    campaign("-k", "one").assert_outcomes(passed=1, deselected=2)


def test_no_test_begins_when_the_time_is_over_but_the_first(campaign):
    stopped = campaign("--trial-minutes", "0")
    assert stopped.ret == pytest.ExitCode.INTERRUPTED
    stopped.assert_outcomes(passed=1)
    stopped.stdout.fnmatch_lines(["campaign: 0 passed before, 2 left", "*the time is over*"])


def test_a_line_that_was_cut_off_is_no_line(tmp_path):
    made = Campaign(tmp_path / "deep" / "kept.jsonl", 60, "code")
    made.note("a", 1.5)
    with made.ledger.open("a") as file:
        file.write('{"test": "b", "sec')
    assert made.passed() == {"a": 1.5}


@pytest.mark.parametrize(
    "text", ["null\n", "7\n", "{}\n", '{"test": "x", "seconds": "much", "code": ""}\n']
)
def test_what_is_no_line_of_ours_is_passed_over(tmp_path, text):
    made = Campaign(tmp_path / "kept.jsonl", 60, "code")
    made.ledger.write_text(text)
    made.note("a", 2)
    assert made.passed() == {"a": 2.0}


def test_a_test_fits_by_the_seconds_that_it_took_before(tmp_path):
    made = Campaign(tmp_path / "kept.jsonl", 60, "code")
    made.ledger.write_text(json.dumps({"test": "slow", "seconds": 61, "code": "older"}) + "\n")
    made.note("quick", 1)
    assert made.fits("quick")
    assert not made.fits("slow")


def test_the_fingerprint_follows_names_and_content_of_what_a_verdict_depends_on(tmp_path: Path):
    def changed(path: str, text: str) -> str:
        tmp_path.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(path).write_text(text)
        return fingerprint(tmp_path)

    seen = [fingerprint(tmp_path), changed("src/a.py", ""), changed("src/a.py", "1")]
    seen.append(changed("src/b.py", "1"))
    assert len({*seen}) == 4
    assert changed("src/__pycache__/b.pyc", "2") == changed("docs/a.md", "3") == seen[-1]
