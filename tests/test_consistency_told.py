"""What every judge of a model says of drawn histories, word for word.

Whether it is right, brute force and porcupine say elsewhere; here it fails when a judge says
another thing and nobody meant it to. tests/histories/drawn.py tells how to look and accept.
"""

import importlib.util
import json
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location(
    "drawn", Path(__file__).parent / "histories" / "drawn.py"
)
assert SPEC
assert SPEC.loader
drawn = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(drawn)
BEFORE = json.loads(drawn.DRAWN.read_text())


def test_what_is_said_by_every_judge_of_a_model_is_written_down():
    assert {name: len(digests) for name, digests in BEFORE.items()} == dict.fromkeys(
        drawn.JUDGES, drawn.HUNDREDS
    )


@pytest.mark.parametrize("hundred", range(drawn.HUNDREDS))
@pytest.mark.parametrize("name", drawn.JUDGES)
def test_a_judge_of_a_model_says_what_it_said_before(name, hundred):
    said = drawn.digest(drawn.said_by(name, hundred))
    assert said == BEFORE[name][hundred], f"python tests/histories/drawn.py {name!r}"
