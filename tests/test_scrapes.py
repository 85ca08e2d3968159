"""What Prometheus counted beside what clients were told: agreement, disagreement, or unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.scrapes import Scraped, compared, gaps, segments, told
from seatrial.model import History, Op, Outcome

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
LONG = 40


def write(invoked: float, completed: float, outcome: Outcome = OK, error: float = 0.0) -> Op:
    return Op("client/w", "write", outcome, invoked, completed, {"member": 1}, error)


def steady(rate: int = 20, seconds: int = LONG) -> list[Op]:
    return [write(n / rate, n / rate + 0.01) for n in range(rate * seconds)]


def counted(times: list[float], share: float = 1.0, missing: range = range(0)) -> Scraped:
    """A member whose writes are counted at these times, scraped each second but in `missing`."""
    came = [k for k in range(LONG) if k not in missing]
    counts = tuple((float(k), float(int(share * sum(t <= k for t in times)))) for k in came)
    up = tuple((float(k), float(k not in missing)) for k in range(LONG))
    return Scraped(1, 1.0, up, counts)


EACH = [op.completed for op in steady()]


def test_two_honest_figures_agree():
    found = compared(counted(EACH), steady())
    assert (found.outcome, found.note) == (OK, "")
    assert (found.counted, found.acknowledged) == (780, 780)
    assert found.least <= 780 <= found.most
    assert found.seconds == LONG - 1


@pytest.mark.parametrize(
    ("share", "said"), [(2.0, "it counted 1560 writes"), (0.9, "it counted 702"), (0.0, "0 writes")]
)
def test_a_counter_that_lies_is_a_disagreement_with_both_figures(share, said):
    found = compared(counted(EACH, share), steady())
    assert found.outcome is FAIL
    assert said in found.note
    assert f"{found.least} to {found.most}" in found.note


def test_somebody_else_who_writes_is_a_disagreement():
    strangers = [10 + n / 20 for n in range(100)]
    assert compared(counted(sorted(EACH + strangers)), steady()).outcome is FAIL


def test_a_disagreement_hides_behind_no_other_segment():
    """One segment has too many and the next as many too few: the sum would agree."""
    found = counted(EACH, missing=range(15, 20))
    bent = tuple((t, v + 100 * (5 < t < 15)) for t, v in found.counts)
    assert compared(replace(found, counts=bent), steady()).outcome is FAIL


def test_writes_that_nobody_answered_may_have_been_counted_or_not():
    lost = [write(5 + n / 10, 7 + n / 10, INFO) for n in range(100)]
    assert compared(counted(EACH), steady() + lost).outcome is OK
    both = sorted(EACH + [op.invoked + 0.5 for op in lost])
    assert compared(counted(both), steady() + lost).outcome is OK


def test_refused_writes_are_not_counted():
    refused = [write(5 + n / 10, 5.05 + n / 10, FAIL) for n in range(100)]
    both = sorted(EACH + [op.completed for op in refused])
    assert compared(counted(EACH), steady() + refused).outcome is OK
    assert compared(counted(both), steady() + refused).outcome is FAIL


@pytest.mark.parametrize("counts", [(), ((3.0, 7.0),), ((3.0, 7.0), (9.0, 200.0))])
def test_no_two_scrapes_in_a_row_are_nothing_to_compare(counts):
    found = compared(Scraped(1, 1.0, (), counts), steady())
    assert found.outcome is INFO
    assert "nothing to compare" in found.note


def test_nobody_who_writes_is_nothing_to_compare_and_no_agreement():
    found = compared(counted([]), [])
    assert found.outcome is INFO
    assert "nobody wrote" in found.note


def test_a_process_that_begins_anew_is_not_compared_across():
    before, after = counted(EACH), [(t, v - 395) for t, v in counted(EACH).counts if t >= 20]
    counts = (*(s for s in before.counts if s[0] < 20), *after)
    found = replace(before, counts=counts)
    assert [part.since for part in segments(found)] == [0, 20]
    assert compared(found, steady()).outcome is OK


def test_a_process_that_outdoes_the_last_one_at_once_is_told_by_when_it_began():
    counts = ((0.0, 5.0), (1.0, 6.0), (2.0, 8.0), (3.0, 30.0))
    starts = ((0.0, 1.0), (1.0, 1.0), (2.0, 9.0), (3.0, 9.0))
    hidden = Scraped(1, 1.0, (), counts)
    assert len(segments(hidden)) == 1
    assert len(segments(replace(hidden, starts=starts))) == 2


def test_a_gap_says_whether_the_member_or_prometheus_was_away():
    up = tuple((float(k), float(not 5 <= k < 10)) for k in range(15))
    (gap,) = gaps(up, 0, 14, 1.0)
    assert (gap.since, gap.until) == (4, 10)
    assert "up = 0" in gap.why
    (gap,) = gaps([s for s in up if not 5 <= s[0] < 10], 0, 14, 1.0)
    assert "no sample" in gap.why


@pytest.mark.parametrize("up", [(), ((50.0, 1.0),), ((3.0, 0.0),)])
def test_no_sample_at_all_is_one_gap(up):
    (gap,) = gaps(up, 0, 14, 1.0)
    assert (gap.since, gap.until) == (0, 14)


def test_an_end_without_samples_is_a_gap():
    up = [(float(k), 1.0) for k in range(10)]
    assert gaps(up, 0, 10, 1.0) == []
    assert [(gap.since, gap.until) for gap in gaps(up, 0, 20, 1.0)] == [(9, 20)]


@dataclass
class World:
    """Writes as clients saw them, when each was counted, by which process, and what was scraped."""

    ops: list[Op]
    found: Scraped


@st.composite
def worlds(draw: Any) -> World:
    """An honest member, whatever happens: time-outs, restarts, missed scrapes, a wrong clock."""
    second = st.floats(0, LONG, allow_nan=False)
    restarts = sorted(draw(st.lists(second, max_size=3)))
    off = draw(st.floats(-0.3, 0.3))
    ops, when = [], []
    for _ in range(draw(st.integers(0, 60))):
        invoked = draw(second)
        took, share = draw(st.floats(0.001, 3)), draw(st.floats(0, 1))
        outcome = draw(st.sampled_from([OK, OK, OK, FAIL, INFO]))
        ops.append(write(invoked, invoked + took, outcome, error=0.0))
        if outcome is OK:
            when.append(invoked + share * took)
        elif outcome is INFO and draw(st.booleans()):
            when.append(invoked + draw(st.floats(0, 30)))
    counts, starts, up = [], [], []
    for k in range(LONG):
        came = draw(st.integers(0, 9)) > 0
        up.append((k + off, float(came)))
        if came:
            read = k + draw(st.floats(0, 1))
            began = max((r for r in restarts if r <= read), default=-1.0)
            counts.append((k + off, float(sum(began <= t <= read for t in when))))
            starts.append((k + off, began))
    return World(ops, Scraped(1, 1.0, tuple(up), tuple(counts), tuple(starts), error=0.3))


@given(worlds())
def test_an_honest_member_is_never_accused(world):
    assert compared(world.found, world.ops).outcome is not FAIL


@given(worlds(), st.integers(1, 50))
def test_what_goes_beyond_all_that_clients_sent_is_always_found(world, more):
    lying = tuple((t, v + (len(world.ops) + more) * (n > LONG // 3))
                  for n, (t, v) in enumerate(world.found.counts))  # fmt: skip
    found = replace(world.found, counts=lying)
    jump = lying[LONG // 3 + 1][0] if len(lying) > LONG // 3 + 1 else -1.0
    inside = any(part.since < jump <= part.until for part in segments(found))
    assert (compared(found, world.ops).outcome is FAIL) or not inside


def history(*events: dict[str, Any], writes: list[Op]) -> History:
    drivers = [Op("driver", "driver", OK, 60, 60, event) for event in events]
    found = counted(EACH)
    value = {"event": "scraped", "member": 1, "interval": 1.0, "starts": []}
    value |= {"up": [list(s) for s in found.up], "counts": [list(s) for s in found.counts]}
    return History((*writes, *drivers, Op("prometheus", "metric", OK, 0, 61, value, 0.01)))


ALL = {"event": "collected", "expected": 800, "collected": 800}


def test_a_history_tells_of_each_member_that_was_scraped():
    (found,) = told(history(ALL, writes=steady()))
    assert (found.member, found.outcome) == (1, OK)


def test_times_in_which_a_member_was_not_scraped_are_told():
    whole = history(ALL, writes=steady())
    value = {**whole.ops[-1].value, "up": [[k, float(not 20 <= k < 24)] for k in range(LONG)]}
    (found,) = told(History((*whole.ops[:-1], replace(whole.ops[-1], value=value))))
    assert found.unscraped == ("unknown from 19.0 s to 24.0 s: it did not answer (up = 0)",)


@pytest.mark.parametrize(
    "events", [(), ({**ALL, "collected": 799},), ({"event": "lost", **ALL} | {"event": "lost"},)]
)
def test_what_clients_felt_must_be_there_as_a_whole_or_nothing_is_compared(events):
    (found,) = told(history(*events, writes=steady()[:-1]))
    assert found.outcome is INFO
    assert "nothing to compare" in found.note
