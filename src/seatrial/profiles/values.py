"""What a profile is written with: sections, names, words, durations, resources, a Service's port.

May import: pydantic; kube.kinds.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from seatrial.kube.kinds import RESOURCE

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Section(BaseModel):
    """A mapping of which every key is known, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def seconds(value: object) -> object:
    """Turn a duration such as 30s into seconds; give anything but a number or duration back."""
    if isinstance(value, bool):
        raise ValueError("a number, or a duration such as 30s, is wanted")  # noqa: TRY004 - pydantic's
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and not found:
        raise ValueError("a number, or a duration such as 250ms, 30s, 5m or 1h, is wanted")
    return float(found[1]) * _SECONDS[found[2]] if found else value


def resource(value: str) -> str:
    """Give the name of a custom resource back; raises ValueError when it is none."""
    if not re.fullmatch(RESOURCE, value):
        raise ValueError("plural.group/version, such as restores.example.org/v1, is wanted")
    return value


Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
Word = Annotated[str, Field(min_length=1)]
Ids = tuple[Word, ...]
Resource = Annotated[
    str,
    AfterValidator(resource),
    WithJsonSchema({"type": "string", "pattern": f"^{RESOURCE}$"}),
]
Bound = Annotated[
    float,
    BeforeValidator(seconds),
    Field(ge=0, allow_inf_nan=False),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": f"^{_DURATION.pattern}$"},
            ]
        }
    ),
]
Port = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?:[0-9]{1,5}$")]
