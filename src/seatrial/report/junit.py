"""junit.xml: one test case a guarantee, for the CI systems that show nothing else.

Broken is a failure; unknown is an error, never skipped, since CI paints skipped tests green.
May import: model, history, junitparser, and its neighbours saved and story.
Source: the JUnit XML that Jenkins and GitLab document.
"""

from __future__ import annotations

import io
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from seatrial import history
from seatrial.model import Standing
from seatrial.report.story import Judged, Story
from seatrial.report.told import told

# A figure promises nothing, so it did not pass.
_RESULTS = {Standing.BROKEN: Failure, Standing.UNKNOWN: Error, Standing.FIGURE: Skipped}


def write(run: Path) -> Path:
    """Write junit.xml; a run that was never judged is one error, so that it cannot look green."""
    story, target, out = told(run), run / "junit.xml", io.BytesIO()
    xml = JUnitXml("seatrial")
    xml.add_testsuite(_suite(story))
    xml.write(out)
    history.write_whole(target, [out.getvalue()])
    return target


def _suite(story: Story) -> TestSuite:
    suite = TestSuite(f"seatrial {story.profile}")
    for name in ("run", "profile", "seed", "timing"):
        suite.add_property(name, getattr(story, name))
    suite.add_property("command", story.command)
    for row in story.judged or (_never_judged(story),):
        suite.add_testcase(_case(row, story.profile))
    suite.time = round(story.seconds, 3)
    return suite


def _case(row: Judged, profile: str) -> TestCase:
    case = TestCase(row.guarantee, classname=f"seatrial.{profile}")
    if row.standing in _RESULTS:
        result = _RESULTS[row.standing](row.reason, row.standing.value)
        likely = [f"likely cause: {one}" for one in row.advice]
        shown = f"shown by Ops {list(row.evidence)}"
        result.text = "\n".join([row.sentence, row.reason, *likely, shown])
        case.result = [result]
    told = [row.reason, *filter(None, [row.runs])]
    case.system_out = "\n".join([*told, *(f"{name}: {value}" for name, value in row.figures)])
    return case


def _never_judged(story: Story) -> Judged:
    return Judged("seatrial.judged", Standing.UNKNOWN, "", story.headline, (), (), (), 0)
