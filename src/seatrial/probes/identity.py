"""Asks a member who it is, inside its own container: the questions are the profile's `ask`.

The node's runtime answers, not the API server, so a wrong label or a stale status cannot lie.
May import: model, errors, timing, kube.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from seatrial.errors import ToolFailed
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.model import Op, Outcome, Profile, Recorder
from seatrial.timing import limit

PROCESS = "probe/identity"


def ask(kube: Kube, profile: Profile, ordinal: int, pod: Pod, recorder: Recorder) -> None:
    """Record one `answer` Op a question: {ordinal, pod, uid, question, answer}.

    All questions are asked at once: most of an answer's time goes by in the node's runtime.
    A question that could not be answered is recorded as `info` with the reason: it shows nothing.
    So is an empty answer at first, and the question asked again: on a busy machine an exec was seen
    to lose what a program had said, and an empty id would accuse its member.
    """

    def put(question: str, argv: tuple[str, ...]) -> None:
        asked = recorder.now()
        outcome, answer = _answer(kube, profile, pod, argv)
        if outcome is Outcome.OK and not answer:
            tell(question, asked, Outcome.INFO, "nothing was said, or it was lost: asked again")
            asked = recorder.now()
            outcome, answer = _answer(kube, profile, pod, argv)
        tell(question, asked, outcome, answer)

    def tell(question: str, asked: float, outcome: Outcome, answer: str) -> None:
        value = {
            "ordinal": ordinal,
            "pod": pod.metadata.name,
            "uid": pod.metadata.uid,
            "question": question,
            "answer": answer,
        }
        process = f"{PROCESS}/{ordinal}/{question}"
        recorder.write(Op(process, "answer", outcome, asked, recorder.now(), value))

    side_by_side([partial(put, *asked) for asked in profile.ask.items()])


def side_by_side(tasks: Sequence[Callable[[], None]]) -> None:
    """Do all of these at the same time, each to its end; raises the first failure."""
    with ThreadPoolExecutor(max(1, len(tasks))) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()


def _answer(kube: Kube, profile: Profile, pod: Pod, argv: tuple[str, ...]) -> tuple[Outcome, str]:
    where = pod.metadata.namespace, pod.metadata.name, profile.container
    try:
        return Outcome.OK, kube.run(*where, argv, limit("command in a container")).strip()
    except ToolFailed as error:
        return Outcome.INFO, str(error)
