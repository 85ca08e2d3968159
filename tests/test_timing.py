"""Waiting: wakes on the change that matters, and says what it last saw when it is late."""

import threading

import pytest

from seatrial import timing
from seatrial.errors import BadInput, NotReady
from seatrial.timing import Limit

BRIEF = Limit("a moment", 0.05)
LONG = Limit("the test's own patience", 20)


class Changing:
    """Something that changes when told to."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.value = 0
        self.trouble = ""

    def set(self, value: int) -> None:
        with self.changed:
            self.value = value
            self.changed.notify_all()


def equals(wanted: int):
    return lambda seen: None if seen.value == wanted else f"it is {seen.value}"


def test_what_is_so_already_is_not_waited_for():
    timing.wait(Changing(), equals(0), Limit("no time at all", 0))


def test_a_wait_is_woken_by_each_change_until_the_one_that_satisfies_it():
    seen, asked = Changing(), []

    def condition(stream):
        asked.append(stream.value)
        if stream.value < 3:
            threading.Thread(target=stream.set, args=(stream.value + 1,)).start()
        return equals(3)(stream)

    timing.wait(seen, condition, LONG)
    assert asked == [0, 1, 2, 3]


def test_a_wait_that_is_late_gives_the_last_difference_and_a_remedy():
    seen = Changing()
    seen.set(7)
    with pytest.raises(NotReady, match=r"a moment within 0\.05 s") as caught:
        timing.wait(seen, equals(3), BRIEF)
    assert caught.value.seen == "it is 7"
    assert "SEATRIAL_TIME_FACTOR=2" in caught.value.remedy


def test_a_wait_that_is_late_says_what_stands_in_the_way():
    seen = Changing()
    seen.trouble = "the server is away"
    with pytest.raises(NotReady) as caught:
        timing.wait(seen, equals(3), BRIEF)
    assert caught.value.seen == "it is 0; the server is away"


def test_polling_asks_until_it_is_so_or_too_late():
    left = iter(["two more", "one more", None])
    timing.poll(lambda: next(left), LONG, every=0.001)
    with pytest.raises(NotReady, match="never"):
        timing.poll(lambda: "never", BRIEF, every=0.01)


def test_every_limit_is_stretched_by_the_factor(monkeypatch):
    plain = timing.limits()
    monkeypatch.setenv("SEATRIAL_TIME_FACTOR", "2.5")
    assert timing.limits() == {name: 2.5 * seconds for name, seconds in plain.items()}
    assert timing.limit("api answers").seconds == 2.5 * plain["api answers"]


@pytest.mark.parametrize("text", ["", "0", "-1", "fast", "nan", "inf"])
def test_a_factor_that_is_no_number_above_zero_is_bad_input(text, monkeypatch):
    monkeypatch.setenv("SEATRIAL_TIME_FACTOR", text)
    with pytest.raises(BadInput, match="as a number above 0"):
        timing.limits()
