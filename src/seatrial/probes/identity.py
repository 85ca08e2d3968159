"""Asks a member who it is, inside its own container: the questions are the profile's `ask`.

The node's runtime answers, not the API server, so a wrong label or a stale status cannot lie.
May import: model, errors, timing, kube.
"""

from __future__ import annotations

from seatrial.errors import ToolFailed
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.model import Op, Outcome, Profile, Recorder
from seatrial.timing import limit

PROCESS = "probe/identity"


def ask(kube: Kube, profile: Profile, ordinal: int, pod: Pod, recorder: Recorder) -> None:
    """Record one `answer` Op a question: {ordinal, pod, uid, question, answer}.

    A question that could not be answered is recorded as `info` with the reason: it shows nothing.
    """
    for question, argv in profile.ask.items():
        asked = recorder.now()
        outcome, answer = _answer(kube, profile, pod, argv)
        value = {
            "ordinal": ordinal,
            "pod": pod.metadata.name,
            "uid": pod.metadata.uid,
            "question": question,
            "answer": answer,
        }
        recorder.write(Op(PROCESS, "answer", outcome, asked, recorder.now(), value))


def _answer(kube: Kube, profile: Profile, pod: Pod, argv: tuple[str, ...]) -> tuple[Outcome, str]:
    where = pod.metadata.namespace, pod.metadata.name, profile.container
    try:
        return Outcome.OK, kube.run(*where, argv, limit("command in a container")).strip()
    except ToolFailed as error:
        return Outcome.INFO, str(error)
