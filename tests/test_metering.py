"""A Prometheus beside a trial: how it is asked, what a steady state makes of it, what is told.

The HTTP between is real; Prometheus answers what the test says. A real one: test_prometheus.py.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial import metering, metrics, profiles, timing
from seatrial.chaos import activities, experiments, intent
from seatrial.chaos.session import KEY, Session
from seatrial.checks import CHECKS
from seatrial.cli import called
from seatrial.errors import BadInput, CannotRun
from seatrial.ground import Keep
from seatrial.kube.client import ApiFailed, Kube, connect
from seatrial.kube.watch import Stream
from seatrial.live import Live
from seatrial.metering import Beside, metered
from seatrial.metrics import Meter, pod
from seatrial.model import History, Outcome
from seatrial.probes.runtime import Witness
from seatrial.progress import Quiet
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.testing.prometheus import PaperPrometheus, paper_prometheus, prometheus_kubelet, up

SPACE, OURS = "trial-1f2e", "seatrial-metrics-1f2e"
PROFILE = profiles.load("ledger", known=CHECKS)
RATE = "sum(rate(ledger_acknowledged_total[10s]))"
NOW = 1000.0


@dataclass
class Ground:
    """A trial of paper with a Prometheus of paper beside it."""

    api: FakeApi
    kube: Kube
    paper: PaperPrometheus
    alive: Any
    kept: Kept

    @contextmanager
    def metered(self, profile: Any = PROFILE) -> Any:
        alive: Any = SimpleNamespace(**{**vars(self.alive), "profile": profile})
        cluster: Any = SimpleNamespace(provider="kind")
        trial = Beside(alive, cluster, self.kept, lambda: History(tuple(self.kept.ops)), Quiet())
        with metered(trial, wanted=True) as meter:
            yield meter

    def says(self, value: str, since: float = 0, **down: Any) -> None:
        """Let it answer the rate with this, and that members were scraped up to now."""
        self.paper.answers[RATE] = [{"metric": {}, "value": [NOW, value]}]
        scraped = up(0, 1, 2, since=since, until=NOW, **down)
        self.paper.answers['up{job="members"}[13s]'] = scraped

    def told(self, event: str) -> list[Any]:
        return [op for op in self.kept.of("metric") if op.value["event"] == event]


@pytest.fixture
def ground(tmp_path, monkeypatch):
    monkeypatch.setattr(metering, "supply", lambda *_, **__: "prometheus:1")
    with ExitStack() as stack:
        api = stack.enter_context(fake_api())
        paper = stack.enter_context(paper_prometheus())
        paper.answers["time()"] = lambda _: [NOW, str(NOW)]
        stack.enter_context(prometheus_kubelet(api, paper.start))
        api.put("namespaces", SPACE)
        api.put("nodes", "n4", metadata={"labels": {"seatrial.dev/role": "driver"}})
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        stream = stack.enter_context(Stream(kube, ("nodes",), SPACE))
        alive = SimpleNamespace(profile=PROFILE, namespace=SPACE, kube=kube, stream=stream)
        yield Ground(api, kube, paper, alive, Kept())


@pytest.fixture
def meter(ground):
    with ground.metered() as found:
        yield found


@pytest.fixture
def steady(ground, meter):
    """Give a function that asks for a steady state in no time; gives it and what was unmet."""
    job: Any = SimpleNamespace(profile=PROFILE)
    parts: Any = (job, None, None, None, ground.kept, Witness(), meter)
    session = Session(Live(*parts), Keep.NEVER, ExitStack(), ExitStack())

    def ask(query: str = RATE, within: float = 0.01, **arguments: Any) -> tuple[bool, str]:
        said = activities.measured(query, within, {KEY: session}, **arguments)
        return said, session.unmet[-1] if session.unmet else ""

    return ask


def test_it_runs_where_no_fault_comes_in_a_namespace_that_goes_with_the_trial(ground, meter):
    assert meter.namespace == OURS
    owner = ground.api.of("namespaces")[f"/{OURS}"]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("Namespace", SPACE)
    assert owner["uid"] == ground.api.of("namespaces")[f"/{SPACE}"]["metadata"]["uid"]
    spec = ground.api.of("pods")[f"{OURS}/prometheus"]["spec"]
    assert spec["nodeSelector"] == {"seatrial.dev/role": "driver"}
    assert spec["containers"][0]["image"] == "prometheus:1"


def test_it_scrapes_every_member_by_its_own_name_each_second(ground, meter):
    del meter
    assert ground.paper.config["global"]["scrape_interval"] == "1s"
    (scrape,) = ground.paper.config["scrape_configs"]
    assert scrape["metrics_path"] == "/metrics"
    assert [one["targets"] for one in scrape["static_configs"]] == [
        [f"ledger-{n}.ledger.{SPACE}.svc:8080"] for n in range(3)
    ]
    assert [one["labels"] for one in scrape["static_configs"]] == [
        {"member": str(n)} for n in range(3)
    ]


def test_a_set_that_begins_at_5_is_scraped_from_5_on():
    assert PROFILE.metrics
    found = pod.config(replace(PROFILE, first_ordinal=5), PROFILE.metrics, SPACE)
    members = [one["labels"]["member"] for one in found["scrape_configs"][0]["static_configs"]]
    assert members == ["5", "6", "7"]


def test_it_is_asked_through_the_api_server_with_our_credentials(ground, meter):
    ground.paper.answers['x{a="b c"}'] = [{"metric": {}, "value": [1, "7"]}]
    ground.api.token = "of the server"  # noqa: S105 - no secret
    with pytest.raises(ApiFailed):
        meter.ask('x{a="b c"}')
    meter.kube.api.configuration.api_key["authorization"] = "Bearer of the server"
    assert meter.ask('x{a="b c"}') == [{"metric": {}, "value": [1, "7"]}]


@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_question_is_asked_once_and_told_in_its_own_words(status, ground, meter):
    ground.paper.answers["x"] = (status, "too busy for you")
    with pytest.raises(ApiFailed, match="too busy for you"):
        meter.ask("x")
    assert ground.paper.asked.count("x") == 1


def test_a_query_that_is_none_is_told_in_prometheus_own_words(ground, meter):
    ground.paper.answers["rate("] = (400, "parse error: unclosed left parenthesis")
    with pytest.raises(CannotRun, match="unclosed left parenthesis"):
        meter.ask("rate(")


def test_the_library_is_loaded_only_when_somebody_asks():
    code = (
        "import sys, seatrial.cli, seatrial.live, seatrial.chaos.activities\n"
        "print([m for m in ('prometheus_api_client', 'pandas', 'numpy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_value_in_its_bounds_is_steady_and_written_down(ground, steady):
    ground.says("42")
    assert steady(at_least=40, at_most=50) == (True, "")
    (op,) = ground.told("steady")
    assert op.outcome is Outcome.OK
    assert op.value["values"] == {"value": 42}
    assert (op.value["at_least"], op.value["at_most"]) == (40, 50)


def test_a_value_out_of_its_bounds_is_not_steady(ground, steady):
    ground.says("42")
    met, why = steady(at_least=43)
    assert not met
    assert "value = 42 is below 43" in why
    assert ground.told("steady")[0].outcome is Outcome.FAIL


def test_it_waits_for_the_value_to_come(ground, steady):
    ground.says("42")
    values = iter([[], [{"metric": {}, "value": [NOW, "1"]}]])
    last = [{"metric": {}, "value": [NOW, "42"]}]
    ground.paper.answers[RATE] = lambda _: next(values, last)
    assert steady(within=20, at_least=40)[0]
    assert ground.paper.asked.count(RATE) == 3
    assert len(ground.told("steady")) == 1


@pytest.mark.parametrize("value", ["NaN", "+Inf"])
def test_no_number_is_not_steady_whatever_the_bound(value, ground, steady):
    ground.says(value)
    assert not steady(at_least=0)[0]
    (op,) = ground.told("steady")
    assert op.outcome is Outcome.INFO
    assert "no number" in op.value["note"]


def test_no_data_is_not_steady_even_where_nothing_is_wanted(ground, steady):
    assert steady(at_most=5)[1] == "no data: the answer is empty"
    assert ground.told("steady")[0].outcome is Outcome.INFO


def test_a_member_that_was_not_scraped_makes_a_good_value_unknown(ground, steady):
    ground.says("42", down={1: range(992, 997)})
    met, why = steady(at_least=40)
    assert not met
    assert "no whole data: member 1 was not scraped for 6.0 s: it did not answer (up = 0)" in why
    assert ground.told("steady")[0].outcome is Outcome.INFO


def test_only_the_members_that_it_names_must_have_been_scraped(ground, steady):
    ground.says("42", down={1: range(992, 997)})
    assert steady(at_least=40, ordinals=[0, 2])[0]


def test_a_prometheus_that_was_down_makes_a_good_value_unknown(ground, steady):
    ground.says("42", since=NOW - 4)
    met, why = steady(at_least=40)
    assert not met
    assert "Prometheus has no sample of it" in why


def test_a_prometheus_that_stopped_scraping_makes_a_good_value_unknown(ground, steady):
    ground.says("42")
    ground.paper.answers['up{job="members"}[13s]'] = up(0, 1, 2, since=0, until=NOW - 6)
    assert "was not scraped for 6.0 s" in steady(at_least=40)[1]


def test_a_prometheus_that_does_not_answer_is_not_steady(ground, steady):
    ground.paper.answers[RATE] = (503, "storage not ready")
    met, why = steady(at_least=0)
    assert not met
    assert "storage not ready" in why


def test_a_trial_without_prometheus_is_not_steady(ground):
    session = SimpleNamespace(live=SimpleNamespace(meter=None, everybody=[0], recorder=ground.kept))
    session.unmet = []
    assert not activities.measured(RATE, 0.01, {KEY: session}, at_least=0)
    assert "--prometheus" in session.unmet[0]


def test_one_that_never_gets_ready_costs_the_trial_only_its_figures(ground, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "Prometheus is ready", 0.3)
    monkeypatch.setattr(pod, "NAME", "other")
    with ground.metered() as found:
        assert "no pod prometheus yet" in found.trouble
        with pytest.raises(CannotRun, match="no pod prometheus yet"):
            found.ask("up")
    (op,) = ground.told("missing")
    assert op.outcome is Outcome.INFO


def test_without_leave_to_load_an_image_there_is_none_and_it_is_said(ground, monkeypatch):
    def refused(*_: object, **__: object) -> str:
        raise CannotRun("the image on the nodes", seen="its nodes are not ours to load into")

    monkeypatch.setattr(metering, "supply", refused)
    with ground.metered() as found:
        assert found.trouble.endswith("its nodes are not ours to load into")


SELECTED = '{__name__=~"up|process_start_time_seconds|ledger_acknowledged_total",job="members"}'


def test_all_that_was_scraped_is_told_by_the_runs_clock_and_compared(ground):
    def samples(query: Any) -> Any:
        name = "ledger_acknowledged_total"
        counts = [[NOW - 5 + k, str(k)] for k in range(5)] + [[NOW, "NaN"]]
        own = {"metric": {"__name__": name, "member": "1"}, "values": counts}
        return [own, *up(0, 1, 2, since=NOW - 5, until=NOW)] if SELECTED in query["query"] else []

    with ground.metered():
        ground.paper.answers = {"time()": ground.paper.answers["time()"]}
        ground.paper.answer = lambda query: (
            200, {"data": {"result": samples(query) or [NOW, str(NOW)]}}
        )  # fmt: skip
        before = ground.kept.now()
    scraped = {op.value["member"]: op for op in ground.told("scraped")}
    assert scraped.keys() == {0, 1, 2}
    assert [value for _, value in scraped[1].value["counts"]] == [0, 1, 2, 3, 4]
    assert scraped[1].value["up"][-1][0] == pytest.approx(before, abs=5)
    assert 0 < scraped[1].error < 5
    compared = {op.value["member"]: op for op in ground.told("compared")}
    assert compared.keys() == {0, 1, 2}
    assert {op.outcome for op in compared.values()} == {Outcome.INFO}


def test_what_it_answers_garbled_in_the_end_is_told_and_nothing_is_raised(ground):
    with ground.metered():
        ground.paper.answers = {"time()": lambda _: [NOW, str(NOW)]}
        ground.paper.answer = lambda _: (200, {"data": {"result": [7, "8"]}})
    (op,) = ground.told("missing")
    assert "an answer that can be read" in op.value["note"]


def test_what_the_body_raised_is_raised_whatever_prometheus_says(ground):
    def fails() -> None:
        with ground.metered():
            ground.api.refuse += [500] * 100
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert ground.told("missing")


def test_a_trial_that_did_not_ask_has_none(ground):
    trial: Any = SimpleNamespace(alive=ground.alive)
    with metered(trial, wanted=False) as found:
        assert found is None


def test_a_profile_without_metrics_is_refused_before_anything_is_touched(capsys):
    assert called(["certify", "shelf", "--prometheus"]) == 4
    assert "shelf declares no `metrics`" in capsys.readouterr().err


def drill(**arguments: Any) -> dict[str, Any]:
    provider: Any = {"type": "python", "module": "seatrial.chaos.activities", "func": "measured"}
    provider |= {"arguments": {"query": "up", "within": 5, **arguments}}
    return {"type": "probe", "name": "x", "tolerance": True, "provider": provider}


def intended(*probes: Any, **settings: Any) -> intent.Intent:
    document = copy.deepcopy(dict(experiments.load("node-loss").document))
    document["steady-state-hypothesis"]["probes"] += probes
    return intent.intended(document, {**intent.configured(document, {}), **settings})


def test_a_drill_that_asks_a_prometheus_gets_one_unasked():
    assert intended(drill(at_least=1)).plan.prometheus
    assert not intended().plan.prometheus
    asked = intended(**intent.asked({"SEATRIAL_PROMETHEUS": "1"}))
    assert asked.plan.prometheus
    assert asked.plan.command.endswith(" --prometheus")


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        ({}, "at_least, at_most, or both"),
        ({"at_least": "one"}, "'one'"),
        ({"at_least": float("nan")}, "nan"),
        ({"at_least": 1, "query": ""}, "query"),
        ({"at_least": 1, "ordinals": [3]}, "a member 3"),
        ({"at_leest": 1}, "at_leest"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_touched(arguments, seen):
    with pytest.raises(BadInput) as caught:
        intended(drill(**arguments))
    assert seen in str(caught.value)


def test_the_meter_that_never_was_is_asked_for_nothing():
    nobody: Any = None
    with pytest.raises(CannotRun, match="the reason"):
        Meter(nobody, OURS, "the reason").now()
    assert metrics.namespace_of(SPACE) == OURS
