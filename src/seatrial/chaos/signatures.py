"""The types of our activities' arguments, against which an experiment's own are bound.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

Configuration = Mapping[str, Any]
Ordinal = Annotated[int, Field(ge=0)]
Ordinals = Annotated[list[Ordinal], Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Who = Ordinal | Literal["leader"]
