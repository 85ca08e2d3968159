"""Scrapes: which samples are neighbours, which writes lie between them, and what is said of it."""

from __future__ import annotations

from typing import Any

from seatrial.checks.scrapes import Gap, Scraped, Segment, compared, gaps, scraped, segments, told
from seatrial.model import History, Op, Outcome

OK, INFO = Outcome.OK, Outcome.INFO


def write(invoked: float, completed: float, outcome: Outcome = OK) -> Op:
    return Op("client/w", "write", outcome, invoked, completed, {"member": 1})


def counts(*samples: tuple[float, float], interval: float = 2.0) -> Scraped:
    return Scraped(1, interval, counts=samples)


def up(*times: float) -> list[tuple[float, float]]:
    return [(at, 1.0) for at in times]


def test_two_samples_are_neighbours_within_two_and_a_half_intervals():
    assert gaps(up(0, 5), 0, 5, 2.0) == []
    assert gaps(up(0, 5.5), 0, 5.5, 2.0) == [Gap(0, 5.5, "Prometheus has no sample of it")]
    assert [part.until for part in segments(counts((0, 1), (5, 2)))] == [5]
    assert segments(counts((0, 1), (5.5, 2))) == []


def test_a_sample_counts_from_one_interval_before_the_time_on():
    assert gaps(up(1), 0, 6, 2.0) == []
    assert [gap.since for gap in gaps(up(-2), 0, 4, 2.0)] == [-2]
    assert [gap.since for gap in gaps(up(-2.5), 0, 6, 2.0)] == [0]


def test_each_missing_scrape_cuts_the_counter_once():
    found = segments(counts((0, 0), (2, 4), (10, 5), (12, 7), (20, 8), (22, 9)))
    assert found == [Segment(0, 2, 4), Segment(10, 12, 2), Segment(20, 22, 1)]


def test_every_segment_that_cannot_be_is_told():
    found = compared(counts((10, 0), (12, 4), (20, 5), (22, 7)), [])
    assert found.note == (
        "from 10.0 s to 12.0 s it counted 4 writes, and its clients' answers allow 0 to 0; "
        "from 20.0 s to 22.0 s it counted 2 writes, and its clients' answers allow 0 to 0"
    )
    assert (found.since, found.until, found.seconds, found.counted) == (10, 22, 4, 6)


def test_why_there_is_nothing_to_compare_is_told():
    assert compared(counts((0, 1)), []).note == (
        "nothing to compare: no two scrapes in a row brought its counter"
    )
    assert compared(counts((0, 1), (2, 1)), []).note == (
        "nothing to compare: nobody wrote while it was scraped"
    )


def test_a_counter_that_stood_still_agrees_with_writes_that_nobody_answered():
    found = compared(counts((0, 1), (2, 1)), [write(1, 2, INFO)])
    assert (found.outcome, found.note, found.least, found.most) == (OK, "", 0, 1)


def test_a_write_is_acknowledged_after_the_first_scrape_and_until_the_last():
    writes = [write(at - 0.5, at) for at in (10, 10.5, 14, 14.5)]
    assert compared(counts((10, 0), (12, 1), (14, 2)), writes).acknowledged == 2


def history(*events: dict[str, Any], **metric: Any) -> History:
    drivers = [Op("driver", "driver", OK, 60, 60, event) for event in events]
    value = {"event": "scraped", "member": 1, "interval": 0.25, "starts": [[1, 2]]}
    value |= {"up": [[1, 1]], "counts": [[1, 7]], **metric}
    return History((*drivers, Op("prometheus", "metric", OK, 0, 61, value, 0.5)))


def test_what_was_scraped_is_read_with_the_error_of_its_clock():
    (found,) = scraped(history())
    assert found == Scraped(1, 0.25, ((1, 1),), ((1, 7),), ((1, 2),), 0.5)


def test_where_nobody_was_scraped_nothing_is_unscraped():
    (found,) = told(history(up=[], counts=[]))
    assert found.unscraped == ()


def test_what_clients_felt_is_not_known_if_it_was_lost_or_is_not_whole():
    (lost,) = told(history({"event": "lost"}))
    assert lost.note == (
        "nothing to compare: the driver was lost, so what clients felt is not known"
    )
    few = {"event": "collected", "expected": 2, "collected": 1}
    for events in ([], [few]):
        (found,) = told(history(*events))
        assert found.note == ("nothing to compare: what clients felt was not collected as a whole")
