"""A whole drill with a real Prometheus beside it, on machines of paper; else skipped.

`prometheus` must be on the path. In a container it is Debian's (clusters/prometheus-image).
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from seatrial import evidence, report
from seatrial.chaos import drilling
from seatrial.model import Op, Outcome, Standing
from seatrial.testing.basin import Basin, basin
from seatrial.testing.crew import Members
from seatrial.testing.prometheus import RealPrometheus, prometheus_kubelet, real_prometheus

PROGRAM = shutil.which("prometheus")
METRICS = {"port": 8080, "acknowledged": "ledger_acknowledged_total"}
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no program prometheus on the path")


@pytest.fixture
def laid(tmp_path, monkeypatch):
    """Give a function that lays a basin out, a real Prometheus in it."""
    monkeypatch.setattr(report, "write", lambda *_: [])
    with ExitStack() as stack:

        def lay(**exported: Any) -> tuple[Basin, RealPrometheus]:
            found = stack.enter_context(basin(tmp_path, {"metrics": {**METRICS, **exported}}))
            members: Members = found.store.members
            program = Path(str(PROGRAM))
            real = stack.enter_context(real_prometheus(program, tmp_path / "p", members.ports))
            stack.enter_context(prometheus_kubelet(found.api, real.start))
            return found, real

        yield lay


def asking(query: str, **arguments: Any) -> Any:
    """Give a change to a drill that makes its steady state ask this, and its method stay."""
    provider = {"type": "python", "module": "seatrial.chaos.activities", "func": "measured"}
    probe = {"type": "probe", "name": "writes flow", "tolerance": True}
    probe["provider"] = {**provider, "arguments": {"query": query, "within": 30, **arguments}}

    def change(document: dict[str, Any]) -> None:
        document["steady-state-hypothesis"]["probes"].append(probe)

    return change


def metrics_of(ended: drilling.Ended, event: str) -> list[Op]:
    assert ended.folder
    ops = evidence.load(ended.folder).of("metric")
    return [op for op in ops if op.value["event"] == event]


RATE = f"sum(rate({METRICS['acknowledged']}[5s]))"


def test_a_drill_asks_before_and_after_and_both_figures_agree(laid):
    ended = laid()[0].drilled(change=asking(RATE, at_least=10))
    (verdict,) = drilling.verdicts(ended)
    assert verdict.verdict is Standing.HOLDS, verdict.reason
    assert [op.outcome for op in metrics_of(ended, "steady")] == [Outcome.OK] * 2
    for op in metrics_of(ended, "compared"):
        assert op.outcome is Outcome.OK, op.value
        assert op.value["least"] <= op.value["counted"] <= op.value["most"]
        assert op.value["counted"] > 20


def test_a_member_that_counts_what_nobody_wrote_disagrees_and_is_named(laid):
    """The planted defect: bytes where writes are promised."""
    ground, _ = laid(acknowledged="ledger_written_bytes_total")
    ended = ground.drilled(change=asking(RATE, at_least=1))
    compared = metrics_of(ended, "compared")
    assert {op.value["member"] for op in compared if op.outcome is Outcome.FAIL} == {0, 1, 2}
    assert "its clients' answers allow" in compared[0].value["note"]


def test_a_query_without_data_stops_the_drill_before_it_breaks_anything(laid):
    ground, _ = laid()
    ended = ground.drilled(change=asking("sum(rate(ledger_appends[5s]))", at_most=5, within=2))
    (verdict,) = drilling.verdicts(ended)
    assert verdict.verdict is Standing.UNKNOWN
    assert "'writes flow' was not so: no data: the answer is empty" in verdict.reason
    assert {node.state().boot for node in ground.nodes.values()} == {"1 1"}


def test_a_prometheus_that_ends_in_the_middle_is_unknown_and_never_a_success(laid):
    ground, real = laid()
    change = asking(RATE, at_least=0, within=20)
    ended = ground.drilled({"lose_node": lambda _: real.ends()}, change, {"serving": 30})
    (verdict,) = drilling.verdicts(ended)
    assert verdict.verdict is Standing.UNKNOWN
    assert "afterwards, 'writes flow' was not so: no data: " in verdict.reason
    assert [op.outcome for op in metrics_of(ended, "steady")] == [Outcome.OK, Outcome.INFO]
    assert metrics_of(ended, "missing")
    assert not metrics_of(ended, "compared")
    assert ground.well


def test_a_member_that_was_lost_makes_a_figure_of_all_unknown_until_it_is_scraped_again(laid):
    ground, _ = laid()

    def asks_while_it_is_away(document: dict[str, Any]) -> None:
        asking(RATE, at_least=1)(document)
        probe = document["steady-state-hypothesis"]["probes"][-1]
        arguments = {"query": RATE, "at_least": 10_000, "within": 6}
        provider = {**probe["provider"], "arguments": arguments}
        names = [activity["provider"]["func"] for activity in document["method"]]
        document["method"].insert(
            names.index("fence"), {**probe, "name": "meanwhile", "provider": provider}
        )

    ended = ground.drilled(change=asks_while_it_is_away)
    first, during, *_ = metrics_of(ended, "steady")
    assert (first.outcome, during.outcome) == (Outcome.OK, Outcome.INFO)
    assert "member 1 was not scraped" in during.value["note"]
    (lost,) = [op for op in metrics_of(ended, "compared") if op.value["member"] == 1]
    assert lost.outcome is Outcome.OK
    assert "it did not answer (up = 0)" in lost.value["unscraped"][0]
