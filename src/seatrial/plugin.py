"""The pytest plugin: a doorway. `trial` runs one Plan a module; each test asserts one Verdict.

Each hook hands over at once; the mechanism knows nothing of pytest. Nothing here needs a
cluster before a test asks for one, so collecting works anywhere.
May import: everything; heavy parts only inside the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from seatrial.ground import Ground
    from seatrial.model import Profile
    from seatrial.run import Trial

_MARKERS = {
    "disruptive": "breaks nodes, the network or the control plane; runs alone (-n 0)",
    "campaign": "one of many repeats: `make campaign` runs them, `make test` leaves them out",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options, all with one prefix: shorter names are taken by other plugins."""
    group = parser.getgroup("trial", "seatrial: trials of stateful workloads")
    group.addoption("--trial-profile", default="ledger", help="name or path of the subject")
    group.addoption("--trial-seed", type=int, default=1, help="decides every choice of a run")
    group.addoption("--trial-timing", choices=("fast", "default"), default="fast")
    group.addoption("--trial-shape", default="three-workers", help="shape of a cluster made here")
    group.addoption("--trial-kubernetes", default="1.34", help="its Kubernetes version")
    group.addoption("--trial-cluster", default="", help="use (or make) the cluster of this name")
    group.addoption("--trial-keep", choices=("never", "on-failure", "always"), default="never")
    group.addoption(
        "--trial-campaign", default="", metavar="FILE", help="leave out what passed before"
    )
    group.addoption(
        "--trial-minutes", type=float, default=55, help="begin no test that ends after them"
    )
    group.addoption("--trial-out", default="reports/runs", help="where run folders go")


def pytest_configure(config: pytest.Config) -> None:
    """Declare our markers, each with its sentence."""
    for name, sentence in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {sentence}")
    if ledger := config.getoption("--trial-campaign"):
        from seatrial.campaign import Campaign, Conducted, fingerprint

        if getattr(config.option, "numprocesses", None):
            raise pytest.UsageError(
                "wanted: --trial-campaign with one process\nseen: -n\ntry: -n 0"
            )
        seconds = 60 * config.getoption("--trial-minutes")
        campaign = Campaign(Path(ledger), seconds, fingerprint(config.rootpath))
        config.pluginmanager.register(Conducted(campaign), "seatrial-campaign")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one trial together under xdist's loadgroup: it is run once a process.

    Before xdist's own hook, which writes the group into the test's id.
    """
    for item in items:
        if "trial" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(f"trial-{item.path.parent.name}"))


@pytest.fixture(scope="session")
def trial_ground(pytestconfig: pytest.Config) -> Iterator[Ground]:
    """Give a proved cluster for the session; one that was not there goes down afterwards."""
    from seatrial.cli.options import spec_of
    from seatrial.cli.show import terminal
    from seatrial.ground import grounded

    option = pytestconfig.getoption
    spec = spec_of(
        option("--trial-cluster"),
        option("--trial-shape"),
        option("--trial-timing"),
        option("--trial-kubernetes"),
    )
    with ExitStack() as stack:
        capture = pytestconfig.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            progress = stack.enter_context(terminal())
            ground = stack.enter_context(grounded(spec, progress, shared=True))
        yield ground


@pytest.fixture(scope="session")
def trial_of(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Callable[..., Trial]:
    """Give a function that tries a profile by its name, each only once a session.

    It tries the guarantees that disturb nobody else, or with `disruptive=True` the others, with
    None both, of one `family` (the first word of their ids) or of all; a rogue's all. With
    `faults` these are caused, and no others. The session's seed decides, unless one is given.
    """
    done: dict[Wanted, Trial] = {}

    def tried(
        name: str,
        *,
        disruptive: bool | None = False,
        family: str = "",
        faults: tuple[str, ...] = (),
        seed: int | None = None,
    ) -> Trial:
        drawn = pytestconfig.getoption("--trial-seed") if seed is None else seed
        key = Wanted(name, disruptive, family, faults, drawn)
        if key not in done:
            ground = request.getfixturevalue("trial_ground")
            done[key] = _tried(key, pytestconfig, ground)
        return done[key]

    return tried


@pytest.fixture(scope="session")
def trial_profile(pytestconfig: pytest.Config) -> Profile:
    """Give the subject of this session (--trial-profile)."""
    from seatrial.checks import CHECKS
    from seatrial.profiles import load

    return load(pytestconfig.getoption("--trial-profile"), known=CHECKS)


@pytest.fixture(scope="module")
def trial(
    request: pytest.FixtureRequest, trial_profile: Profile, trial_of: Callable[..., Trial]
) -> Trial:
    """Give the finished trial of this session's subject.

    A folder of tests that is named as a family of guarantees has a trial of that family, which
    can run beside the others; any other one has a trial of all.
    """
    folder = request.path.parent.name
    known = {claim.partition(".")[0] for claim in trial_profile.claims}
    name = request.config.getoption("--trial-profile")
    return trial_of(name, family=folder if folder in known else "")


@pytest.fixture
def holds(
    trial: Trial, trial_profile: Profile, request: pytest.FixtureRequest
) -> Callable[[str], None]:
    """Give the assertion that one guarantee holds; unknown is never green.

    A guarantee that the profile does not claim is skipped, saying so.
    """

    def assertion(guarantee: str) -> None:
        if guarantee not in trial_profile.claims:
            pytest.skip(f"{trial_profile.name} does not claim {guarantee}")
        verdict = next(v for v in trial.verdicts if v.guarantee == guarantee)
        # Not record_property, which warns of junit's schema of our user's choice.
        request.node.user_properties.extend(
            (
                ("guarantee", guarantee),
                ("verdict", verdict.verdict.value),
                ("evidence", str(trial.folder)),
            )
        )
        if verdict.verdict.value != "holds":
            likely = "".join(f"likely cause: {one}\n" for one in verdict.advice)
            pytest.fail(
                f"{guarantee} is {verdict.verdict.value}: {verdict.reason}\n{likely}"
                f"evidence: {trial.folder / 'report.html'}",
                pytrace=False,
            )

    return assertion


class Wanted(NamedTuple):
    """Which trial is meant; see `trial_of`."""

    name: str
    disruptive: bool | None
    family: str
    faults: tuple[str, ...]
    seed: int


def _tried(wanted: Wanted, config: pytest.Config, ground: Ground) -> Trial:
    from seatrial.checks import CHECKS
    from seatrial.cli.show import terminal
    from seatrial.cli.trial import Order, judged_of, tried
    from seatrial.ground import Keep
    from seatrial.profiles import load

    profile = load(wanted.name, known=CHECKS)
    keep, out = Keep(config.getoption("--trial-keep")), Path(config.getoption("--trial-out"))
    patterns = [f"{wanted.family}.*"] if wanted.family else []
    claimed = judged_of(profile, patterns)
    all_of_them = profile.rogue or wanted.disruptive is None
    judged = [g for g in claimed if all_of_them or g.disruptive is wanted.disruptive]
    order = Order(profile, judged, ground.spec, keep, out, wanted.name, wanted.faults)
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), terminal() as progress:
        return tried(order, ground, wanted.seed, progress)
