"""Histories judged: is what clients were told possible? A library of pure functions.

A history is columns (Columns, for reads and writes by the million) or Operations (for any model).
judge_register and judge_model give a Judgement; a history that breaks its own rules is unknown.

jsonl.read takes the events of any client. A run's own history.jsonl holds Ops, so its doorway is
`of_ops(History.of(what))`, for Ops with the value {f, key, value}.

>>> told = of_rows([("a", "write", "x", 1, 0, 1, "ok"), ("b", "read", "x", 1, 2, 3, "ok")])
>>> judge_register(told).standing
<Standing.HOLDS: 'holds'>

May import: errors, model, numpy, msgspec and the standard library.
"""

from __future__ import annotations

from seatrial.checks.consistency.closing import closed
from seatrial.checks.consistency.columns import Columns, checked, of_ops, of_rows
from seatrial.checks.consistency.judgement import Judgement
from seatrial.checks.consistency.models import (
    Counter,
    Model,
    Operation,
    Queue,
    Register,
    Set,
    of_columns,
)
from seatrial.checks.consistency.register import Conflict, conflict, judge_register
from seatrial.checks.consistency.search import Budget, judge_model

__all__ = [
    "Budget",
    "Columns",
    "Conflict",
    "Counter",
    "Judgement",
    "Model",
    "Operation",
    "Queue",
    "Register",
    "Set",
    "checked",
    "closed",
    "conflict",
    "judge_model",
    "judge_register",
    "of_columns",
    "of_ops",
    "of_rows",
]
