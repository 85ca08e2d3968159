"""A look at controller manager and scheduler: when each renewed its lease, and who holds it.

Taken before and after a trial, and whenever something did not come.
May import: model, kube.
"""

from __future__ import annotations

from seatrial.kube.client import Kube
from seatrial.kube.stewards import stewards
from seatrial.model import Op, Outcome, Recorder


def look(kube: Kube, recorder: Recorder) -> None:
    """Write a `steward` Op of each that can be seen: {name, holder, age and seconds}."""
    for found in stewards(kube):
        now = recorder.now()
        told = {"name": found.name, "holder": found.holder}
        value = {**told, "age": found.age, "seconds": found.seconds}
        recorder.write(Op("probe/stewards", "steward", Outcome.OK, now, now, value))
