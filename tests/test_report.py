"""Every format tells the same verdict, and none of them can be fooled into green."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import history, places, report
from seatrial.errors import BadInput, CannotRun
from seatrial.model import Json
from seatrial.report import told
from seatrial.report.markdown import code, text
from seatrial.report.saved import Saved, read
from seatrial.report.story import tell

SAMPLE = Path(__file__).parent / "histories" / "sample-run"
HOSTILE = '</script><script>alert(1)</script>|`<img src=x onerror="alert(1)">\x1b[31m\x00'


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "run"))


def judge(run: Path, *said: tuple[str, str]) -> None:
    path = run / "verdicts.json"
    content = json.loads(path.read_text())
    for verdict, (standing, reason) in zip(content["verdicts"], said, strict=True):
        verdict |= {"verdict": standing, "reason": reason}
    path.write_text(json.dumps(content))


def cases(run: Path) -> dict[str, ET.Element]:
    (file,) = report.write(run, ["junit"])
    return {case.attrib["name"]: case for case in ET.parse(file).getroot().iter("testcase")}  # noqa: S314


def message(case: ET.Element, kind: str) -> str:
    said = case.find(kind)
    assert said is not None
    return said.attrib["message"]


def statement(run: Path) -> Json:
    (file,) = report.write(run, ["attestation"])
    return json.loads(file.read_text())


def markdown(run: Path) -> str:
    (file,) = report.write(run, ["markdown"])
    return file.read_text()


@pytest.mark.parametrize("name", ["plan", "cluster", "verdicts"])
def test_the_sample_run_fits_the_published_schemas(name):
    schema = places.carried("reports") / "schemas" / f"{name}.schema.json"
    jsonschema.validate(
        json.loads((SAMPLE / f"{name}.json").read_text()), json.loads(schema.read_text())
    )


def test_the_sample_history_fits_the_published_schema():
    schema = places.carried("reports") / "schemas" / "history.schema.json"
    check = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    for line in (SAMPLE / "history.jsonl").read_text().splitlines():
        check.validate(json.loads(line))


def test_all_formats_are_written_without_being_named(run):
    written = {path.name for path in report.write(run)}
    assert written == {
        "report.html", "junit.xml", "report.json", "summary.md", "attestation.json",
    }  # fmt: skip


def test_an_unknown_format_is_bad_input_that_lists_the_known_ones(run):
    with pytest.raises(BadInput, match="junit"):
        report.write(run, ["pdf"])


def test_a_folder_that_is_no_run_is_told_so(tmp_path):
    with pytest.raises(CannotRun, match="run folder"):
        report.write(tmp_path)


def test_garbled_verdicts_are_told_with_their_place(run):
    (run / "verdicts.json").write_text('{"verdicts": [{"guarantee": 1}]}')
    with pytest.raises(CannotRun, match="verdicts"):
        report.write(run, ["junit"])


def test_a_garbled_history_is_told_with_its_line(run):
    with (run / "history.jsonl").open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(CannotRun, match="line 93"):
        report.write(run, ["markdown"])


def test_junit_has_a_case_a_guarantee_and_the_facts_to_repeat_it(run):
    assert set(cases(run)) == {"identity.hostname", "storage.rebind"}
    root = ET.parse(run / "junit.xml").getroot()  # noqa: S314
    said = {one.attrib["name"]: one.attrib["value"] for one in root.iter("property")}
    assert (said["seed"], said["profile"], said["timing"]) == ("42", "ledger", "fast")


def test_junit_tells_broken_as_failure_and_unknown_as_error(run):
    judge(run, ("broken", "said another name"), ("unknown", "no receipt"))
    found = cases(run)
    assert message(found["identity.hostname"], "failure") == "said another name"
    assert message(found["storage.rebind"], "error") == "no receipt"
    assert not [case for case in found.values() if case.find("skipped") is not None]


def test_junit_stays_well_formed_whatever_a_cluster_says(run):
    judge(run, ("broken", HOSTILE), ("holds", "fine"))
    assert "alert(1)" in message(cases(run)["identity.hostname"], "failure")


def test_a_run_that_was_never_judged_is_an_error_and_not_green(run):
    (run / "verdicts.json").unlink()
    assert [case.find("error") is not None for case in cases(run).values()] == [True]
    assert statement(run)["predicate"]["result"] == "FAILED"
    assert markdown(run).startswith("# ? ledger: unknown")


def test_a_run_that_died_after_its_plan_can_still_be_reported(tmp_path):
    shutil.copy(SAMPLE / "plan.json", tmp_path)
    assert len(report.write(tmp_path)) == 5
    assert "Nothing was judged" in (tmp_path / "report.html").read_text()


def test_the_attestation_binds_the_result_to_the_files_by_digest(run):
    said = statement(run)
    assert said["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert said["predicate"]["result"] == "PASSED"
    for subject in said["subject"]:
        content = (run / subject["name"]).read_bytes()
        assert subject["digest"]["sha256"] == sha256(content).hexdigest()
    assert {one["name"] for one in said["subject"]} == {
        "plan.json", "cluster.json", "history.jsonl", "verdicts.json",
    }  # fmt: skip


@pytest.mark.parametrize("standing", ["broken", "unknown"])
def test_the_attestation_never_passes_what_is_broken_or_unknown(run, standing):
    judge(run, ("holds", "fine"), (standing, "why"))
    said = statement(run)["predicate"]
    assert said["result"] == "FAILED"
    assert (said["passedTests"], said["failedTests"]) == (["identity.hostname"], ["storage.rebind"])


def test_a_figure_is_no_pass_and_no_failure_in_any_format(run):
    judge(run, ("holds", "fine"), ("figure", "2 ms"))
    assert message(cases(run)["storage.rebind"], "skipped") == "2 ms"
    said = statement(run)["predicate"]
    assert (said["result"], said["passedTests"], said["failedTests"]) == (
        "PASSED", ["identity.hostname"], [],
    )  # fmt: skip
    story = tell(read(run))
    assert (story.standing.value, story.headline[:27]) == ("holds", "identity.hostname holds, wi")
    assert "| = | storage.rebind" in markdown(run)


def test_a_run_of_figures_alone_is_not_green(run):
    judge(run, ("figure", "1 ms"), ("figure", "2 ms"))
    assert statement(run)["predicate"]["result"] == "FAILED"
    story = tell(read(run))
    assert (story.standing.value, story.headline) == (
        "unknown", "Nothing was promised: what was measured is reported below.",
    )  # fmt: skip


def test_the_summary_has_the_verdict_first_and_how_to_repeat_it(run):
    said = markdown(run)
    assert said.startswith("# ✓ ledger: holds")
    assert "`seatrial certify ledger --seed 42 --timing fast`" in said


def test_the_summary_escapes_what_would_be_markup(run):
    judge(run, ("broken", f"a | b\n# not a title {HOSTILE}"), ("holds", "fine"))
    said = markdown(run)
    assert "<script>" not in said.replace("\\<", "")
    assert len([line for line in said.splitlines() if line.startswith("# ")]) == 1


def test_the_worst_verdict_stands_first_and_makes_the_headline(run):
    judge(run, ("unknown", "no receipt"), ("broken", "came back with another volume"))
    story = tell(read(run))
    assert [row.standing.value for row in story.judged] == ["broken", "unknown"]
    assert story.headline == "storage.rebind is broken: came back with another volume"


def test_the_notes_say_what_was_not_shown(run):
    judge(run, ("unknown", "no receipt"), ("holds", "fine"))
    notes = " ".join(tell(read(run)).notes)
    for part in ("1 guarantee is unknown", "power cut", "3/n", "shortened", "3 planned faults"):
        assert part in notes


def test_timings_that_were_never_read_back_are_not_claimed(run):
    cluster = json.loads((run / "cluster.json").read_text())
    (run / "cluster.json").write_text(json.dumps({**cluster, "timings": {}}))
    story = tell(read(run))
    assert any("could not be read back" in note for note in story.notes)
    assert "timings" not in {title for title, _ in story.facts}


def test_a_gap_in_the_record_is_told(run):
    gap = b'{"process":"w","what":"gap","outcome":"info","invoked":1,"completed":60,"index":92}\n'
    with (run / "history.jsonl").open("ab") as file:
        file.write(gap)
    assert any("1 gap" in note for note in tell(read(run)).notes)


def test_the_json_report_tells_the_same_and_says_its_format(run):
    (file,) = report.write(run, ["json"])
    said = json.loads(file.read_text())
    assert (said["format"], said["verdict"], said["profile"]) == (1, "holds", "ledger")
    assert len(said["done"]) == 3
    assert said["lanes"]["lanes"][1] == "ledger-0"


def test_evidence_that_is_not_in_the_history_is_simply_not_quoted(run):
    content = json.loads((run / "verdicts.json").read_text())
    content["verdicts"][0]["evidence"] = [3, 99_999]
    (run / "verdicts.json").write_bytes(history.document(content))
    assert 99_999 not in {one.index for one in tell(read(run)).cited}


@given(st.text())
def test_no_text_breaks_out_of_a_markdown_cell(said):
    cell = text(said)
    assert "\n" not in cell
    assert "|" not in cell.replace("\\|", "")


@given(st.text(alphabet="`ab \n", min_size=1))
def test_no_text_breaks_out_of_markdown_code(said):
    shown = code(said)
    fence = shown[: len(shown) - len(shown.lstrip("`"))]
    assert shown.endswith(fence)
    assert fence not in shown[len(fence) : -len(fence)]


def test_a_run_is_told_once_and_anew_when_a_file_of_it_is_another(run, monkeypatch):
    asked: list[Path] = []

    def reading(folder: Path) -> Saved:
        asked.append(folder)
        return read(folder)

    monkeypatch.setattr(told, "read", reading)
    first = told.told(run)
    assert told.told(run) is first
    assert report.write(run)
    judge(run, *[("broken", "changed")] * len(first.judged))
    assert all("changed" in str(one) for one in told.told(run).judged)
    assert len(asked) == 2
