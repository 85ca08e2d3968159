"""The pytest plugin as other teams meet it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial import checks, profiles, run

SUITES = Path(__file__).parents[1] / "suites"
NEEDED = (checks, profiles, run)
"""What an inner session imports; it forgets, at a second each, what was not there before it."""
pytest_plugins = ("pytester",)

CONFTEST = """
import pytest
from pathlib import Path
from seatrial.model import Standing, Verdict
from seatrial.run import Trial

@pytest.fixture(scope="session")
def trial_of():
    def tried(name, family):
        said = f"because of a test of {{family or 'all'}}"
        verdicts = (Verdict("identity.hostname", Standing("{said}"), said),)
        return Trial(Path("a-run"), verdicts, {{}})
    return tried
"""
TEST = """
def test_names(holds):
    holds("identity.hostname")

def test_unclaimed(holds):
    holds("recovery.six-stages")
"""
Ran = Callable[..., pytest.RunResult]


@pytest.fixture
def ran(pytester) -> Ran:
    """Give a function that runs a session of pytest of its own in an empty folder, in here.

    Only collecting the suites needs a process of its own: what is imported there is the question.
    """

    def session(*words: str, said: str = "holds", folder: str = "") -> pytest.RunResult:
        pytester.makeconftest(CONFTEST.format(said=said))
        path: Path = pytester.path / folder / "test_it.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEST)
        found: pytest.RunResult = pytester.runpytest_inprocess("-p", "no:cacheprovider", *words)
        return found

    return session


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ("holds", {"passed": 1, "skipped": 1}),
        ("broken", {"failed": 1, "skipped": 1}),
        ("unknown", {"failed": 1, "skipped": 1}),
    ],
)
def test_only_a_verdict_that_holds_is_green(said, result, ran):
    done = ran("-q", said=said)
    done.assert_outcomes(**result)
    if said != "holds":
        assert f"identity.hostname is {said}: because of a test of all" in done.stdout.str()


def test_a_folder_named_as_a_family_has_a_trial_of_that_family(ran):
    done = ran("-q", said="broken", folder="identity")
    assert "because of a test of identity" in done.stdout.str()


def test_a_guarantee_that_is_not_claimed_is_skipped_and_says_so(ran):
    assert "ledger does not claim recovery.six-stages" in ran("-q", "-rs").stdout.str()


def test_the_suites_are_collected_without_a_cluster_or_heavy_imports(tmp_path):
    program = (
        "import sys, pytest\n"
        f"code = pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', {str(SUITES)!r}])\n"
        "print([m for m in ('gevent', 'grpc', 'altair') if m in sys.modules], int(code))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "[] 0", done.stdout + done.stderr


def test_options_have_our_prefix_and_a_sentence(ran):
    text = ran("--help").stdout.str()
    section = text.split("seatrial: trials of stateful workloads")[1].split("\n\n")[0]
    assert "--trial-profile" in section
    assert all(
        line.strip().startswith("--trial-") for line in section.splitlines() if " --" in line[:4]
    )


def test_a_wrong_option_is_a_usage_error(ran):
    assert ran("--trial-keep", "sometimes").ret == pytest.ExitCode.USAGE_ERROR
