"""What members told of their configuration, read out of their answers to the question `config`.

An answer that is not what docs/add-a-profile.md asks for is none: nobody was told anything by it.
May import: model, checks.drifts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.checks.drifts import answers
from seatrial.model import History, Op

CENTRE, BACKUP, NOTHING = "centre", "backup", "none"
"""Where a configuration was had from."""


@dataclass(frozen=True)
class Told:
    """One answer: `source` is CENTRE, BACKUP or NOTHING, `release` the version it runs with.

    `values` are the centre's, `settings` what the pod was given by other ways.
    """

    op: Op
    source: str
    release: str
    values: Mapping[str, str]
    settings: Mapping[str, str]

    @property
    def ordinal(self) -> int:
        """Whose it is."""
        return int(self.op.value["ordinal"])

    @property
    def pod(self) -> str:
        """The pod that told it."""
        return str(self.op.value["pod"])

    @property
    def uid(self) -> str:
        """That pod's uid."""
        return str(self.op.value["uid"])


def told(history: History) -> list[Told]:
    """Give what was told, in order."""
    return [one for op in answers(history, "config") for one in _read(op)]


def uncopied(history: History) -> Iterator[str]:
    """Say of the first that had no configuration what the likely cause is."""
    for one in told(history):
        if one.source == NOTHING:
            yield (
                f"{one.pod} had nothing to start with while the centre did not answer: its client "
                "keeps no copy of what it was told where the pod's next life finds it"
            )
            return


def _read(op: Op) -> Iterator[Told]:
    try:
        found = json.loads(op.value["answer"])
    except ValueError:
        return
    if not isinstance(found, dict) or found.get("source") not in (CENTRE, BACKUP, NOTHING):
        return
    values, settings = found.get("values", {}), found.get("settings", {})
    if isinstance(values, dict) and isinstance(settings, dict):
        release = str(found.get("release", ""))
        yield Told(op, found["source"], release, _texts(values), _texts(settings))


def _texts(found: Mapping[str, Any]) -> Mapping[str, str]:
    return {key: str(value) for key, value in found.items()}
