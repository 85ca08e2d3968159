"""The checks on recorded runs, good and bad, and on good ones with one thing changed.

A run without its evidence must never hold, and a good run with Ops missing must never be broken.
"""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, history
from seatrial.errors import BadInput
from seatrial.model import History, Op, Outcome, Standing, Verdict, overall

RECORDED = Path(__file__).parent / "histories"
GOOD = history.read(RECORDED / "good" / "ledger.jsonl")
HOSTNAME, REBIND = "identity.hostname", "storage.rebind"
GOOD_RUNS = {path.stem: history.read(path) for path in sorted((RECORDED / "good").iterdir())}
BAD_RUNS = {path.stem: history.read(path) for path in sorted((RECORDED / "bad").iterdir())}


def verdict(of: History, guarantee: str) -> Verdict:
    return checks.CHECKS[guarantee].check(of)


def changed(of: History, pick: Callable[[Op], bool], **values: object) -> History:
    """Give the history with some values of the picked Ops replaced."""
    return History(
        tuple(replace(op, value={**op.value, **values}) if pick(op) else op for op in of.ops)
    )


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


def last(of: History, what: str, **values: object) -> Op:
    return [op for op in of.of(what) if all(op.value.get(k) == v for k, v in values.items())][-1]


PROMISES = [g.id for g in checks.CHECKS.values() if g.kind != "figure"]


def test_a_figure_is_reported_and_never_holds_nor_is_broken():
    runs = (*GOOD_RUNS.values(), *BAD_RUNS.values())
    figures = [g.id for g in checks.CHECKS.values() if g.kind == "figure"]
    for guarantee in figures:
        said = {verdict(run, guarantee).verdict for run in runs}
        assert said == {Standing.FIGURE, Standing.UNKNOWN}


@pytest.mark.parametrize("guarantee", PROMISES)
def test_every_guarantee_holds_on_a_good_run(guarantee):
    judged = [(run, verdict(run, guarantee)) for run in GOOD_RUNS.values()]
    held = [(run, found) for run, found in judged if found.verdict is Standing.HOLDS]
    assert held
    for run, found in held:
        assert found.evidence
        assert all(run.ops[index].index == index for index in found.evidence)


@pytest.mark.parametrize("run", GOOD_RUNS.values(), ids=GOOD_RUNS)
def test_nothing_is_broken_on_a_good_run(run):
    said = checks.judge(run, checks.chosen(["*"]))
    assert [v for v in said if v.verdict is Standing.BROKEN] == []


@pytest.mark.parametrize("guarantee", PROMISES)
def test_every_guarantee_has_a_bad_run_that_names_it(guarantee):
    assert any(guarantee in run.head["profile"]["breaks"] for run in BAD_RUNS.values())


@pytest.mark.parametrize("run", BAD_RUNS.values(), ids=BAD_RUNS)
def test_a_bad_run_breaks_what_it_names_and_no_neighbour(run):
    profile = run.head["profile"]
    said = checks.judge(run, checks.chosen(["*"]))
    broken = {v.guarantee for v in said if v.verdict is Standing.BROKEN}
    assert set(profile["breaks"]) <= broken <= {*profile["breaks"], *profile["may_break"]}


def test_one_wrong_hostname_among_many_is_broken_and_is_the_evidence():
    wrong = last(GOOD, "answer", question="hostname")
    found = verdict(changed(GOOD, lambda op: op is wrong, answer="ledger-9"), HOSTNAME)
    assert found.verdict is Standing.BROKEN
    assert found.evidence == (wrong.index,)
    assert "'ledger-9'" in found.reason


def test_a_pod_of_another_name_is_broken_although_it_agrees_with_itself():
    wrong = last(GOOD, "answer", question="hostname")
    renamed = changed(GOOD, lambda op: op is wrong, answer="web-0", pod="web-0")
    assert verdict(renamed, HOSTNAME).verdict is Standing.BROKEN


def test_another_token_after_a_drift_is_broken():
    new = last(GOOD, "answer", question="token")
    found = verdict(changed(GOOD, lambda op: op is new, answer="another"), REBIND)
    assert found.verdict is Standing.BROKEN
    assert "'another'" in found.reason


def test_the_token_of_a_neighbour_is_broken():
    tokens = {
        op.value["ordinal"]: op.value["answer"]
        for op in GOOD.of("answer")
        if op.value["question"] == "token"
    }
    new = last(GOOD, "answer", question="token", ordinal=1)
    swapped = changed(GOOD, lambda op: op is new, answer=tokens[2])
    assert verdict(swapped, REBIND).verdict is Standing.BROKEN


def _after(receipt: Op) -> Callable[[Op], bool]:
    return lambda op: op.index > receipt.index


def _recreated_claim(receipt: Op) -> History:
    """Let the claim be another one of the same name from the last drift on."""
    name = f"data-ledger-{receipt.value['ordinal']}"
    late = _after(receipt)
    first = next(op for op in GOOD.of("claim") if op.value["name"] == name and op.value["volume"])
    new = replace(
        first,
        index=receipt.index,
        completed=receipt.completed,
        value={**first.value, "uid": "another", "rv": _version(receipt)},
    )
    kept = [op for op in GOOD.ops if not (op.what == "claim" and late(op))]
    place = kept.index(receipt) + 1
    return History((*kept[:place], new, *kept[place:]))


def _version(receipt: Op) -> int:
    return 1 + max(int(op.value["rv"]) for op in GOOD.of("pod") if op.index < receipt.index)


def _last_receipt() -> Op:
    return last(GOOD, "fault", stage="receipt")


def test_a_claim_made_anew_under_the_same_name_is_broken_even_with_the_same_token():
    found = verdict(_recreated_claim(_last_receipt()), REBIND)
    assert found.verdict is Standing.BROKEN
    assert "claim uid another" in found.reason


def test_a_claim_bound_to_another_volume_is_broken_even_with_the_same_token():
    receipt = _last_receipt()
    name = f"data-ledger-{receipt.value['ordinal']}"
    first = next(op for op in GOOD.of("claim") if op.value["name"] == name and op.value["volume"])
    other = next(op for op in GOOD.of("volume") if op.value["name"] != first.value["volume"])
    moved = replace(
        first, value={**first.value, "volume": other.value["name"], "rv": _version(receipt)}
    )
    place = GOOD.ops.index(receipt) + 1
    found = verdict(History((*GOOD.ops[:place], moved, *GOOD.ops[place:])), REBIND)
    assert found.verdict is Standing.BROKEN
    assert "volume uid" in found.reason


def test_a_member_without_any_claim_is_broken():
    found = verdict(changed(GOOD, lambda op: op.what == "pod", claims=[]), REBIND)
    assert found.verdict is Standing.BROKEN
    assert "mounts no claim" in found.reason


@pytest.mark.parametrize("guarantee", [HOSTNAME, REBIND])
@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "fault" and op.value["stage"] == "healed",
        lambda op: op is _last_receipt(),
        lambda op: op.what == "answer",
        lambda op: op.what == "answer" and op.index > _last_receipt().index,
        lambda op: op.what == "plan",
        bool,
    ],
    ids=["faults", "receipts", "healing", "one receipt", "answers", "last answers", "plan", "all"],
)
def test_a_run_without_its_evidence_is_unknown(guarantee, lost):
    judged = checks.judge(without(GOOD, lost), [checks.CHECKS[guarantee]])
    assert [v.verdict for v in judged] == [Standing.UNKNOWN]


@pytest.mark.parametrize("what", ["claim", "volume", "pod"])
def test_without_sight_of_claims_or_volumes_rebinding_is_unknown(what):
    found = verdict(without(GOOD, lambda op: op.what == what), REBIND)
    assert found.verdict is Standing.UNKNOWN


ASK_NOBODY = {"identity.labels", "storage.claim-per-ordinal"}
"""These rest on what the watch saw alone."""


def test_an_answer_that_nobody_knows_is_no_answer():
    asking = [g for g in checks.chosen(["identity.*", "storage.*"]) if g.id not in ASK_NOBODY]
    unsure = History(
        tuple(replace(op, outcome=Outcome.INFO) if op.what == "answer" else op for op in GOOD.ops)
    )
    assert {v.verdict for v in checks.judge(unsure, asking)} == {Standing.UNKNOWN}


@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    rest = without(GOOD, lambda op: op.index in missing)
    assert verdict(rest, HOSTNAME).verdict is not Standing.BROKEN
    assert verdict(rest, REBIND).verdict is not Standing.BROKEN


@given(st.sampled_from([HOSTNAME, REBIND]), st.randoms(use_true_random=False))
def test_a_rogue_stays_broken_or_becomes_unknown_whatever_else_is_lost(guarantee, chance):
    rogue = "fqdn-hostname" if guarantee == HOSTNAME else "empty-dir"
    run = BAD_RUNS[rogue]
    rest = without(run, lambda op: op.index > 0 and chance.random() < 0.3)
    assert verdict(rest, guarantee).verdict is not Standing.HOLDS


def test_the_order_of_unrelated_ops_does_not_matter():
    draw = random.Random(1)  # noqa: S311 - repeatable on purpose
    answers = [op for op in GOOD.ops if op.what == "answer"]
    rest = [op for op in GOOD.ops if op.what != "answer"]
    draw.shuffle(answers)
    found = verdict(History((*rest, *answers)), HOSTNAME)
    assert found.verdict is Standing.HOLDS


def test_a_check_that_fails_itself_is_unknown_and_hides_no_other():
    torn = changed(GOOD, lambda op: op.what == "fault", proof=None)
    said = checks.judge(torn, checks.chosen([HOSTNAME, REBIND]))
    assert {v.verdict for v in said} == {Standing.UNKNOWN}
    assert all("the check itself failed" in v.reason for v in said)
    for verdict in said:
        trace = verdict.figures["traceback"]
        assert trace[0].startswith("__init__.py:")
        assert all(re.fullmatch(r"[a-z_]+\.py:\d+ in \S+: .+", line) for line in trace)


def test_broken_comes_before_unknown_and_unknown_before_holds():
    said = {s: Verdict("x", s, "") for s in Standing}
    assert overall([*said.values()]) is Standing.BROKEN
    assert overall([said[Standing.HOLDS], said[Standing.UNKNOWN]]) is Standing.UNKNOWN
    assert overall([said[Standing.HOLDS]]) is Standing.HOLDS
    assert overall([]) is Standing.UNKNOWN


def test_a_figure_decides_nothing_and_alone_shows_nothing():
    figure = Verdict("x", Standing.FIGURE, "")
    for standing in (Standing.BROKEN, Standing.UNKNOWN, Standing.HOLDS):
        assert overall([figure, Verdict("y", standing, "")]) is standing
    assert overall([figure]) is Standing.UNKNOWN
    assert Standing.FIGURE.exit_code == Standing.UNKNOWN.exit_code


def test_globs_choose_guarantees_and_a_typo_names_the_nearest():
    assert [g.id for g in checks.chosen(["storage.reb*"])] == [REBIND]
    with pytest.raises(BadInput) as typo:
        checks.chosen(["storage.rebnd"])
    with pytest.raises(BadInput) as strange:
        checks.chosen(["qqqq"])
    assert typo.value.wanted == "a guarantee named storage.rebnd"
    assert typo.value.seen == strange.value.seen == f"the table has {', '.join(checks.CHECKS)}"
    assert typo.value.remedy == "did you mean storage.rebind?"
    assert strange.value.remedy == "`seatrial list guarantees`"
