"""How mutants are tried: their code in place of the original's, and a whole small checkout's."""

import json
import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.testing.mutants import reached, swapped
from seatrial.testing.mutants.order import ENOUGH, Order
from seatrial.testing.mutants.swapped import Judge

SOURCE = '''
class Base:
    def told(self):
        return "base"


class Own(Base):
    def told(self, times=2):
        """Say so."""
        word = super().told()
        return word * times

    @staticmethod
    def plain(a):
        return [b + 1 for b in a]


def chosen(a, *, least=1):
    if a > least:
        return "more"
    try:
        return {1: "one"}[a]
    except KeyError:
        return "none"


def made(start):
    def inner(a):
        return a + start
    return inner
'''
TOLD = """    def x__mutmut_{}(self, times=2):
        '''Say so.'''
        word = {}
        return word * times
"""


@pytest.fixture
def small(monkeypatch):
    module = ModuleType("small")
    exec(compile(SOURCE, "small", "exec"), vars(module))  # noqa: S102 - the text above
    monkeypatch.setitem(sys.modules, "small", module)
    return module


def method(*texts: str) -> Judge:
    """Give Own.told with mutants that say other words."""
    words = dict(zip(["orig", *map(str, range(1, 9))], texts, strict=False))
    return Judge("small.xǁOwnǁtold", {n: TOLD.format(n, text) for n, text in words.items()})


def function(name: str, **mutants: tuple[str, str]) -> Judge:
    """Give a function of SOURCE with mutants that have one text for another."""
    text = next(part for part in SOURCE.split("\n\n\n") if part.startswith(f"def {name}"))
    changed = {which: text.replace(*change) for which, change in mutants.items()}
    return Judge(f"small.x_{name}", {"orig": text, **changed})


def test_a_mutant_acts_for_whoever_holds_the_method_until_it_is_itself_again(small):
    judge = method("super().told()", 'super().told() + "!"', '"nobody "')
    held, before = small.Own().told, small.Own.told.__code__
    judge.act_as("1")
    assert held() == "base!base!"
    judge.act_as("2")
    assert held() == "nobody nobody "
    judge.restore()
    assert (held(), small.Own.told.__code__) == ("basebase", before)


def test_a_static_method_and_its_defaults_change_too(small):
    judge = function("chosen", m1=("least=1", "least=5"))
    judge.act_as("m1")
    assert small.chosen(3) == "none"
    judge.restore()
    assert small.chosen(3) == "more"
    plain = "    @staticmethod\n    def plain(a):\n        return [b + {} for b in a]\n"
    static = Judge("small.xǁOwnǁplain", {"orig": plain.format(1), "1": plain.format(2)})
    static.act_as("1")
    assert small.Own.plain([1]) == [3]


def test_a_function_within_a_function_changes_with_it(small):
    judge = function("made", m1=("a + start", "a - start"))
    judge.act_as("m1")
    assert small.made(2)(5) == 3


def test_marks_tell_which_statements_ran(small):
    judge = function(
        "chosen",
        head=("least=1", "least=5"),
        condition=("a > least", "a >= least"),
        more=('"more"', '"less"'),
        one=('"one"', '"two"'),
        none=('"none"', '""'),
    )
    marks = swapped.mark_all([judge])
    ran = {}
    for given in (3, 1, 0):
        marks[:] = bytes(len(marks))
        small.chosen(given)
        ran[given] = {which for which in judge.mutants if marks[judge.mark(which)]}
    always = {"head", "condition"}
    assert ran == {3: always | {"more"}, 1: always | {"one"}, 0: always | {"one", "none"}}
    judge.restore()
    marks[:] = bytes(len(marks))
    small.chosen(3)
    assert not any(marks)


def test_what_killed_nearby_comes_first_then_the_quickest_of_each_kind():
    judge = function("chosen", more=('"more"', '"less"'), none=('"none"', '""'))
    count = swapped.number([judge])
    bits = {
        which: np.packbits([at in {0, judge.mark(which)} for at in range(count)]).tobytes()
        for which in judge.mutants
    }

    def test(name: str, seconds: float, which: str) -> reached.Test:
        item: Any = SimpleNamespace(nodeid=f"tests/test_a.py::{name}")
        return reached.Test(item, seconds, bits[which])

    quick = [test("one[1]", 0.1, "more"), test("one[2]", 0.2, "more"), test("two", 0.3, "more")]
    other = test("three", 0.4, "none")
    slow = test("one[3]", ENOUGH, "more")
    order = Order([*quick, other, slow])
    assert order.tests(judge, "more") == [quick[0], quick[2], quick[1]]
    order.killed("small.x_other", other)
    order.killed("small.x_other", quick[1])
    assert order.tests(judge, "more") == [quick[1], quick[0], quick[2]]
    assert order.tests(judge, "none") == [other]
    assert Order([slow]).tests(judge, "more") == [slow]


PROJECT = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/little/*"]
use_setproctitle = false
"""
JUDGE = """
def larger(a, b):
    return a > b


def waits(a):
    while a > 0:
        a -= 1
    return a


def idle(a):
    return a + 1
"""
TESTS = """
from little import judge


def test_larger():
    assert judge.larger(2, 1)
    assert not judge.larger(1, 2)


def test_waits():
    assert judge.waits(2) == 0
"""


def test_of_a_small_checkout_it_is_known_what_is_killed_what_lives_and_what_nobody_reaches(
    tmp_path,
):
    files = {
        "pyproject.toml": PROJECT,
        "src/little/__init__.py": "",
        "src/little/judge.py": JUDGE,
        "tests/test_judge.py": TESTS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    settings = {"seconds": 600, "workers": 2, "patterns": [], "living": False, "draw": 0, "seed": 1}
    env = {**os.environ, "PYTHONPATH": "src", "SEATRIAL_MUTANTS": json.dumps(settings)}
    python = [sys.executable, "-m"]
    plugin = ["-p", "seatrial.testing.mutants.tried", "-p", "no:cacheprovider", "--capture=no"]
    for call in (
        [*python, "seatrial.testing.mutants.made", "make", "1"],
        [*python, "pytest", *plugin, "-q", "tests/test_judge.py"],
    ):
        subprocess.run(call, cwd=tmp_path, env=env, check=True, capture_output=True)
    killed, alive, unreached, too_slow = 1, 0, 33, 36
    kept = json.loads((tmp_path / "mutants/src/little/judge.py.meta").read_text())
    codes = {
        name.removeprefix("little.judge.x_"): c for name, c in kept["exit_code_by_key"].items()
    }
    assert codes == {
        "larger__mutmut_1": alive,  # >=
        "waits__mutmut_1": killed,  # >=
        "waits__mutmut_2": killed,  # > 1
        "waits__mutmut_3": too_slow,  # a = 1
        "waits__mutmut_4": too_slow,  # +=
        "waits__mutmut_5": alive,  # -= 2
        "idle__mutmut_1": unreached,
        "idle__mutmut_2": unreached,
    }
