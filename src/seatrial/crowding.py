"""The visitors beside a trial, where its profile has sessions: their image, their pods, their end.

May import: metering, cluster, load, model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from seatrial.cluster.supply import supply
from seatrial.load.crowd import Crowd, visiting
from seatrial.metering import Beside


@contextmanager
def crowded(trial: Beside, kept: Path) -> Iterator[Crowd | None]:
    """Let visitors come while the body runs, then collect what they saw; None: nobody visits.

    `kept` is where Locust's own tables go. Raises NotReady or CannotRun when they cannot come.
    """
    alive, profile = trial.alive, trial.alive.profile
    told = profile.sessions
    if told is None:
        yield None
        return
    with ExitStack() as stack:
        with trial.progress.step(f"{told.clients} visitors come", 20):
            folder = Path(profile.images[told.image])
            image = supply(trial.cluster, told.image, folder, trial.progress)
            recorder = trial.recorder
            come = visiting(
                alive.kube, alive.stream, alive.namespace, profile, image, recorder, kept
            )
            crowd = stack.enter_context(come)
        yield crowd
