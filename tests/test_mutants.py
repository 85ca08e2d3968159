"""The mutants of the judges: what is recorded of them, and that each that may live still exists."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.bench import BENCHES, holds, measured, mutants
from seatrial.errors import CannotRun
from seatrial.progress import Quiet
from seatrial.testing.mutants import told
from seatrial.testing.mutants.told import Change, Function, Reason

ROOT = Path(__file__).resolve().parents[1]
REASONS = told.reasons(ROOT / "tests" / "mutants.toml")
LETTERS = st.text("kanr-", max_size=6)
RECORDS = st.dictionaries(
    st.from_regex(r"seatrial\.checks\.[a-z]{1,3}\.x_[a-z_]{1,3}", fullmatch=True),
    st.builds(Function, st.from_regex(r"[0-9a-f]{12}", fullmatch=True), LETTERS),
    max_size=5,
)


def lines_of(of: str) -> list[str]:
    """Give the lines of a function of the judges of that name, stripped."""
    module, _, function = of.rpartition(".")
    for start in (module, module.rpartition(".")[0]):
        path = ROOT / told.JUDGES / f"{start.replace('.', '/')}.py"
        if path.exists():
            text = path.read_text()
            found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
            own = [ast.get_source_segment(text, n) or "" for n in found if n.name == function]
            return [line.strip() for one in own for line in one.splitlines()]
    return []


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.of)
def test_a_mutant_that_may_live_still_exists_and_says_why(reason):
    assert set(reason.was.splitlines()) <= set(lines_of(reason.of)), reason
    assert reason.was != reason.becomes
    assert len(reason.why.split()) > 3


def test_no_mutant_is_excused_twice():
    changes = [(reason.of, reason.was, reason.becomes) for reason in REASONS]
    assert len(changes) == len(set(changes))


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(tmp_path_factory, record):
    file = tmp_path_factory.mktemp("record") / "mutants.json"
    told.write(file, record)
    assert told.read(file) == record


@given(RECORDS)
def test_the_score_counts_neither_the_refused_nor_for_us_what_is_not_tried(record):
    letters = [letter for one in record.values() for letter in one.mutants if letter != "r"]
    killed = sum(letter == "k" for letter in letters)
    assert told.score(record) == (100 * killed / len(letters) if letters else 0)


@given(RECORDS, st.sets(st.integers(0, 4)))
def test_what_changed_since_is_not_tried(record, places):
    names = sorted(record)
    other = {names[at] for at in places if at < len(names)}
    today = {n: Function("new" if n in other else one.digest, "-") for n, one in record.items()}
    known = told.valid(record, today)
    assert {name for name, one in known.items() if one == today[name]} >= other
    assert all(known[name] == record[name] for name in set(names) - other)


@given(RECORDS, st.data())
def test_what_was_tried_in_between_is_told_apart_from_what_was_known(record, data):
    before = {
        name: Function(
            one.digest,
            "".join(data.draw(st.sampled_from([letter, "-"])) for letter in one.mutants),
        )
        for name, one in record.items()
    }
    known, now = ("".join(one.mutants for one in r.values()) for r in (before, record))
    new = [b for a, b in zip(known, now, strict=True) if a == "-" != b]
    assert told.since(before, record) == "".join(new)


def test_of_a_function_that_nobody_knew_all_that_was_tried_is_new():
    assert told.since({"f": Function("1", "-")}, {"f": Function("1", "kk-a")}) == "kka"


def test_a_sample_tells_between_what_the_share_of_all_untried_lies():
    before = {"f": Function("1", "k" * 50 + "-" * 200)}
    after = {"f": Function("1", "k" * 50 + "k" * 90 + "a" * 5 + "n" * 5 + "r" * 7 + "-" * 93)}
    assert mutants.drawn(before, after) == (
        "90 of 100 that were drawn are killed: of all untried 82.4 to 95.1 %, at 95 %"
    )


@pytest.mark.parametrize(
    ("argv", "patterns", "draw", "seed", "living"),
    [
        ([], [], 0, 1, True),
        (["seatrial.checks.dns.*"], ["seatrial.checks.dns.*"], 0, 1, True),
        (["400"], [], 400, 1, False),
        (["400", "seed=9"], [], 400, 9, False),
        (["a.*", "30", "b.*", "seed=2"], ["a.*", "b.*"], 30, 2, False),
    ],
)
def test_a_call_names_patterns_and_how_many_to_draw(argv, patterns, draw, seed, living):
    assert mutants.wanted(argv) == mutants.Wanted(mutants.SHARD, patterns, draw, seed, living)


def test_a_function_that_is_new_is_not_tried_and_one_that_is_gone_is_forgotten():
    known = told.valid({"gone": Function("1", "kk")}, {"new": Function("2", "-")})
    assert known == {"new": Function("2", "-")}
    assert not known["new"].done


def checkout(tmp_path: Path) -> Path:
    """Make a checkout with one judge of two functions, and what mutmut kept of its mutants."""
    judge = tmp_path / told.JUDGES / "small.py"
    judge.parent.mkdir(parents=True)
    judge.write_text(
        "def one():\n    return 1\n\n\nclass C:\n    def two(self):\n        return 2\n"
    )
    mutated = tmp_path / "mutants" / told.JUDGES / "small.py"
    mutated.parent.mkdir(parents=True)
    mutated.write_text(
        "def x_one__mutmut_orig():\n    return 1\ndef x_one__mutmut_1():\n    return 2\n"
    )
    spans = {"x_one__mutmut_orig": [1, 2], "x_one__mutmut_1": [3, 4]}
    mutated.with_name("small.py.spans").write_text(json.dumps({"version": 1, "spans": spans}))
    codes = {"x_one__mutmut_1": 0, "xǁCǁtwo__mutmut_1": 1, "xǁCǁtwo__mutmut_2": None}
    kept = {
        "exit_code_by_key": {f"seatrial.checks.small.{n}": code for n, code in codes.items()},
        "hash_by_function_name": {
            name.rpartition(".")[2]: one.digest for name, one in told.functions(tmp_path).items()
        },
    }
    mutated.with_name("small.py.meta").write_text(json.dumps(kept))
    return tmp_path


def test_what_mutmut_keeps_is_collected_by_function(tmp_path):
    found = told.collected(checkout(tmp_path))
    letters = {name: one.mutants for name, one in found.items()}
    assert letters == {"seatrial.checks.small.x_one": "a", "seatrial.checks.small.xǁCǁtwo": "k-"}
    assert [*told.table(found)][-1].split()[1] == "33.3"


def test_what_was_tried_of_a_function_that_changed_since_is_worth_nothing(tmp_path):
    judge = checkout(tmp_path) / told.JUDGES / "small.py"
    judge.write_text(judge.read_text().replace("return 2", "return 3"))
    letters = {name: one.mutants for name, one in told.collected(tmp_path).items()}
    assert letters == {"seatrial.checks.small.x_one": "a", "seatrial.checks.small.xǁCǁtwo": "-"}


def test_a_mutant_that_lives_is_told_by_what_it_changes_and_only_its_own_reason_excuses_it(
    tmp_path,
):
    (found,) = told.living(checkout(tmp_path))
    assert found == Change("small.one", "return 1", "return 2")
    why = Reason("small.one", "return 1", "return 2", "nobody reads it")
    assert told.unexplained([found], [why]) == []
    assert told.unexplained([found], [Reason("small.two", "return 1", "return 2", "")]) == [found]


def test_a_record_of_all_that_is_written_today_needs_no_trying(monkeypatch, tmp_path):
    def nobody(*_: object, **__: object) -> str:
        raise AssertionError("nothing is left to try")

    record = {n: Function(one.digest, "kkka") for n, one in told.functions(ROOT).items()}
    told.write(tmp_path / "mutants.json", record)
    monkeypatch.setattr(mutants, "RECORD", tmp_path / "mutants.json")
    monkeypatch.setattr(mutants, "command", SimpleNamespace(run=nobody))
    row = measured(BENCHES["judges-mutants"], Quiet())
    assert (row["ours"], row["holds"]) == ([75], False)
    assert holds([95], None, "higher", BENCHES["judges-mutants"].bar)


def test_without_a_checkout_there_is_no_score(monkeypatch, tmp_path):
    monkeypatch.setattr(mutants, "REASONS", tmp_path / "none")
    assert mutants.score(Quiet()) == []
    with pytest.raises(CannotRun, match="checkout"):
        mutants.go_on(Quiet(), mutants.Wanted(1))
