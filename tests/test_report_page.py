"""The page opens offline, with scripts or without, and believes nothing a cluster says."""

from __future__ import annotations

import json
import re
import shutil
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seatrial import history, report
from seatrial.model import Op, Outcome

SAMPLE = Path(__file__).parent / "histories" / "sample-run"
HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'
LARGEST = 3_000_000


class Page(HTMLParser):
    """Collects what a browser would run, load or show."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = "" if tag == self.inside else self.inside

    def handle_data(self, data: str) -> None:
        (self.scripts if self.inside == "script" else self.words).append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(run: Path) -> Page:
    (file,) = report.write(run, ["html"])
    parsed = Page()
    parsed.feed(file.read_text())
    return parsed


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "run"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return page(Path(shutil.copytree(SAMPLE, tmp_path_factory.mktemp("page") / "run")))


def rewrite(run: Path, change) -> None:
    lines = (run / "history.jsonl").read_text().splitlines()
    changed = [change(json.loads(line)) for line in lines]
    (run / "history.jsonl").write_text("".join(json.dumps(one) + "\n" for one in changed))


def test_the_page_loads_nothing_and_forbids_itself_to(sample):
    assert not sample.of("link") + sample.of("img") + sample.of("iframe")
    assert not [one for one in sample.of("script") if "src" in one]
    policy = next(one["content"] for one in sample.of("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none'")


def test_the_only_script_allowed_is_the_one_in_the_page(sample):
    policy = next(one["content"] for one in sample.of("meta") if "http-equiv" in one)
    digest = b64encode(sha256("".join(sample.scripts[1:]).encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy


def test_the_picture_is_there_before_any_script_runs(sample):
    assert "claim data-ledger-0" in sample.words
    assert "pod 2 on worker" in sample.words
    assert {"1 pod-delete", "3 pod-delete ledger-2"} <= set(sample.words)


def test_the_verdict_word_stands_beside_its_sign_and_comes_first(sample):
    said = " ".join(" ".join(sample.words).split())
    assert "✓ holds" in said
    assert said.index("All 2 guarantees hold") < said.index("Guarantees")


def test_every_link_leads_somewhere_in_the_page(sample):
    ids = {one["id"] for _, one in sample.tags if "id" in one}
    wanted = {str(one["href"]).removeprefix("#") for one in sample.of("a")}
    assert wanted
    assert wanted <= ids


def test_what_a_load_program_wrote_is_led_to_and_what_it_did_not_write_is_not(run):
    assert "logs/locust" not in str(page(run).of("a"))
    for who, name in (("visitor-10", "locust.log"), ("visitor-2", "locust.html")):
        (run / "logs" / "locust" / who).mkdir(parents=True)
        (run / "logs" / "locust" / who / name).write_text("written")
    (run / "logs" / "locust" / "visitor-3").mkdir()
    links = [str(one["href"]) for one in page(run).of("a")]
    wanted = ["logs/locust/visitor-2/locust.html", "logs/locust/visitor-10/locust.log"]
    assert [one for one in links if "locust" in one] == wanted
    assert all((run / one).is_file() for one in wanted)
    (summary,) = report.write(run, ["markdown"])
    assert "of 2 pods" in summary.read_text()
    assert f"({wanted[0]})" in summary.read_text()


def test_what_a_cluster_says_is_never_markup(run):
    def hostile(op):
        for name in ("name", "answer", "reason", "node"):
            if name in op["value"]:
                op["value"][name] = f"{op['value'][name]}{HOSTILE}"
        return op

    rewrite(run, hostile)
    verdicts = (run / "verdicts.json").read_text()
    (run / "verdicts.json").write_text(verdicts.replace("all 3", json.dumps(HOSTILE)[1:-1]))
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps({**plan, "profile": HOSTILE, "command": HOSTILE}))
    found = page(run)
    assert len(found.of("script")) == 2
    assert not found.of("img")
    assert json.loads(found.scripts[0])
    assert any("<script>alert(1)" in word for word in found.words)


def test_a_long_run_still_makes_a_page_that_can_be_mailed(run):
    with (run / "history.jsonl").open("ab") as file:
        for number in range(20_000):
            uid, name = f"uid-{number % 4000}", f"ledger-{number % 60}"
            value = {"event": "MODIFIED", "rv": 10_000 + number, "name": name, "uid": uid}
            more = {"phase": "Running", "ready": number % 3 == 0, "node": "w", "deleting": False}
            when = 60 + number / 10
            op = Op("w", "pod", Outcome.OK, when, when, {**value, **more}, index=92 + number)
            file.write(history.line(op))
    (file,) = report.write(run, ["html"])
    assert file.stat().st_size < LARGEST
    assert "more stretches were seen than fit" in file.read_text()


def append(run: Path, ops: Iterable[Op]) -> None:
    with (run / "history.jsonl").open("ab") as file:
        for number, op in enumerate(ops, 92):
            file.write(history.line(replace(op, index=number)))


def writes(number: int) -> Iterator[Op]:
    """Give twenty writes a second at each of three members, of which every tenth fails."""
    for n in range(number):
        when, outcome = 60 + n / 60, Outcome.INFO if n % 10 == 0 else Outcome.OK
        value = {"member": n % 3, "writer": f"w{n % 3}", "seq": n, "note": f"{HOSTILE} {n}"}
        yield Op(f"client/w{n % 3}", "write", outcome, when, when + 0.01, value)


def stages() -> Iterator[Op]:
    for n, name in enumerate(("backup", "lost", "cleared")):
        value = {"stage": name, "ordinal": 1, "note": HOSTILE, "snapshot": "462dc81d"}
        yield Op("recovery", "stage", Outcome.OK, 60 + 3 * n, 62.25 + 3 * n, value)


def titles(found: Page) -> set[str]:
    return {str(one["aria-labelledby"]) for one in found.of("section")}


def test_a_drill_shows_its_stages_and_what_clients_felt(run):
    append(run, [*writes(600), *stages()])
    found = page(run)
    said = " ".join(" ".join(found.words).split())
    assert titles(found) >= {"h-recovery", "h-clients"}
    assert "2 lost 63.0 s 2.25 s" in said
    assert "4 rescheduled ? not seen" in said
    assert "clients of ledger-2" in found.words
    assert "Clients of ledger-" in said.split("Guarantees")[0]


def test_the_summary_and_the_json_report_tell_stages_and_clients_too(run):
    append(run, [*writes(600), *stages()])
    summary, told = report.write(run, ["markdown", "json"])
    rows = summary.read_text().splitlines()
    assert any(row.startswith("| ledger-1 | 2 | lost | 63.0 s | 2.25 s |") for row in rows)
    assert any(row.startswith("| ledger-0 | 180 | 0 | 20 |") for row in rows)
    said = json.loads(told.read_text())
    assert [one["unanswered"] for one in said["clients"]] == [20, 20, 20]
    assert said["recoveries"][0]["stages"][1]["seconds"] == 2.25
    assert said["cost"]


def test_a_run_without_load_has_no_empty_parts(sample):
    assert not titles(sample) & {"h-recovery", "h-clients"}
    said = " ".join(sample.words)
    assert not [word for word in ("clients of", "unanswered", "stage of") if word in said]


def test_what_clients_and_stages_note_is_never_markup(run):
    append(run, [*writes(60), *stages()])
    found = page(run)
    assert len(found.of("script")) == 2
    assert not found.of("img")
    assert any("<script>alert(1)" in word for word in found.words)
    (file,) = report.write(run, ["markdown"])
    assert "<script>" not in file.read_text().replace("\\<", "")


def test_a_hundred_thousand_writes_make_the_page_little_bigger(run):
    (file,) = report.write(run, ["html"])
    before = file.stat().st_size
    append(run, writes(100_000))
    report.write(run, ["html"])
    assert file.stat().st_size < before + 400_000


def test_a_short_refusal_is_wide_enough_to_be_seen(run):
    ops = [replace(op, outcome=Outcome.OK) for op in writes(3000)]
    ops[1500] = replace(ops[1500], outcome=Outcome.FAIL)
    append(run, ops)
    drawn = json.loads(page(run).scripts[0])
    (bar,) = (
        row
        for layer in drawn["layer"]
        for row in drawn["datasets"][layer["data"]["name"]]
        if row.get("state") == "refused"
    )
    assert bar["end"] - bar["start"] > 0.2
    assert "(0.0 s)" in bar["when"]


def test_without_the_drawing_libraries_the_page_has_the_table(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "seatrial.report.drawing", None)
    found = page(run)
    assert not found.of("script")
    assert any("seatrial[report]" in word for word in found.words)
    assert "pod 2 on worker" in found.words


def test_colours_are_defined_for_light_and_dark(run):
    page(run)
    style = (run / "report.html").read_text().split("<style>")[1].split("</style>")[0]
    light, dark = (set(re.findall(r"(--[a-z-]+):", part)) for part in _roots(style))
    assert light == dark
    used = set(re.findall(r"var\((--[a-z-]+)\)", (run / "report.html").read_text()))
    assert used <= light | {"--tone", "--tone-soft"}


def _roots(style: str) -> list[str]:
    return re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
