"""The pytest plugin as other teams meet it."""

import subprocess
import sys
from pathlib import Path

import pytest

SUITES = Path(__file__).parents[1] / "suites"

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


def ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, as its user does."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("said", "result"),
    [("holds", "1 passed, 1 skipped"), ("broken", "1 failed"), ("unknown", "1 failed")],
)
def test_only_a_verdict_that_holds_is_green(said, result, tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST.format(said=said))
    (tmp_path / "test_it.py").write_text(TEST)
    done = ran(tmp_path, "-q")
    assert result in done.stdout, done.stdout + done.stderr
    if said != "holds":
        assert f"identity.hostname is {said}: because of a test of all" in done.stdout


def test_a_folder_named_as_a_family_has_a_trial_of_that_family(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST.format(said="broken"))
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "test_it.py").write_text(TEST)
    assert "because of a test of identity" in ran(tmp_path, "-q").stdout


def test_a_guarantee_that_is_not_claimed_is_skipped_and_says_so(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST.format(said="holds"))
    (tmp_path / "test_it.py").write_text(TEST)
    assert "ledger does not claim recovery.six-stages" in ran(tmp_path, "-q", "-rs").stdout


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


def test_options_have_our_prefix_and_a_sentence(tmp_path):
    text = ran(tmp_path, "--help").stdout
    section = text.split("seatrial: trials of stateful workloads")[1].split("\n\n")[0]
    assert "--trial-profile" in section
    assert all(
        line.strip().startswith("--trial-") for line in section.splitlines() if " --" in line[:4]
    )


def test_a_wrong_option_is_a_usage_error(tmp_path):
    assert ran(tmp_path, "--trial-keep", "sometimes").returncode == pytest.ExitCode.USAGE_ERROR
