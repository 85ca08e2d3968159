"""Campaigns: long lists of tests that go on where they stopped, at most so long at a time.

Each test that passed is a line of a file, with the fingerprint of the code that it passed with: the
next call leaves it out, unless anything was changed since. What failed is tried again.
Source: pytest, "Writing hook functions"; JSON Lines.
A doorway. May import: the standard library and pytest.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

_CODE = ("clusters", "experiments", "fixtures", "src", "suites", "requirements.lock")
_UNKNOWN_SECONDS = 90.0
"""What a test is taken to last before any has passed."""


@dataclass(frozen=True)
class _Line:
    test: str
    seconds: float
    code: str


@dataclass
class Campaign:
    """What has passed, and until when tests may begin; one for a pytest process."""

    ledger: Path
    seconds: float
    code: str
    began: float = field(default_factory=time.monotonic)
    left: int = 0

    def passed(self) -> dict[str, float]:
        """Give the tests that passed with this very code, and their seconds."""
        return {line.test: line.seconds for line in self._lines() if line.code == self.code}

    def note(self, test: str, seconds: float) -> None:
        """Write down that a test passed, before the next one begins."""
        self.ledger.parent.mkdir(parents=True, exist_ok=True)
        line = asdict(_Line(test, round(seconds, 3), self.code))
        with self.ledger.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def fits(self, test: str) -> bool:
        """Whether a test can be expected to end before the time is over."""
        spent = time.monotonic() - self.began
        known = {line.test: line.seconds for line in self._lines()}
        usual = statistics.median(known.values()) if known else _UNKNOWN_SECONDS
        return spent + known.get(test, usual) <= self.seconds

    def _lines(self) -> Iterator[_Line]:
        for text in self.ledger.read_text().splitlines() if self.ledger.exists() else ():
            # A call that was killed while it wrote leaves half a line.
            with suppress(ValueError, TypeError, KeyError):
                line = json.loads(text)
                yield _Line(str(line["test"]), float(line["seconds"]), str(line["code"]))


def fingerprint(root: Path) -> str:
    """Give a digest of all that a verdict can depend on in a checkout: names and content."""
    digest = hashlib.sha256()
    for name in _CODE:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root)} {content}\n".encode())
    return digest.hexdigest()[:16]


class Conducted:
    """The hooks of a pytest process that is part of a campaign."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._set_up: dict[str, float] = {}
        self._before = 0

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave out what has passed."""
        passed = self._campaign.passed()
        done = [item for item in items if item.nodeid in passed]
        if done:
            config.hook.pytest_deselected(items=done)
            items[:] = [item for item in items if item.nodeid not in passed]
        self._before, self._campaign.left = len(done), len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down a test that passed; one that was skipped is asked again next time."""
        if report.when == "setup":
            self._set_up[report.nodeid] = report.duration
        if report.when == "call" and report.passed:
            seconds = self._set_up.get(report.nodeid, 0.0) + report.duration
            self._campaign.note(report.nodeid, seconds)
            self._campaign.left -= 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how far the campaign is."""
        left, before = self._campaign.left, self._before
        terminalreporter.write_line(f"campaign: {before} passed before, {left} left")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Begin no test that would not end in time, but the first."""
        if self._set_up and not self._campaign.fits(item.nodeid):
            raise item.session.Interrupted("the time is over: call the same again for what is left")
