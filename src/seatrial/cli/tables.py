"""The tables as `list` and `explain` show them: every row has at least a name and a sentence.

A doorway: may import everything.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
import yaml

from seatrial import profiles
from seatrial.checks import CHECKS
from seatrial.cli import show
from seatrial.cli.options import Json
from seatrial.cluster import shapes
from seatrial.errors import BadInput, nearest
from seatrial.faults import FAULTS
from seatrial.places import carried

Row = dict[str, Any]


def guarantees() -> list[Row]:
    """One row a guarantee that can be judged today."""
    known = _profiles()
    return [
        {
            "name": g.id,
            "sentence": g.sentence,
            "kind": g.kind,
            "exercised": g.exercised,
            "drill": g.drill,
            "source": g.source,
            "rogues": [p.name for p in known if g.id in p.breaks],
        }
        for g in CHECKS.values()
    ]


def faults() -> list[Row]:
    """One row a fault."""
    return [
        {"name": f.name, "sentence": f.sentence, "source": f.source, "providers": f.providers}
        for f in FAULTS.values()
    ]


def subjects() -> list[Row]:
    """One row a profile, rogues among them."""
    return [
        {"name": p.name, "sentence": p.sentence, "claims": p.claims, "breaks": p.breaks}
        for p in _profiles()
    ]


def grounds() -> list[Row]:
    """One row a cluster shape."""
    return [
        {
            "name": shape.name,
            "sentence": shape.sentence,
            "nodes": [f"{node.name}: {node.role}" for node in shape.nodes(shape.name)],
        }
        for shape in shapes.shapes().values()
    ]


def experiments() -> list[Row]:
    """One row a Chaos Toolkit experiment."""
    found = sorted(carried("experiments").glob("*.yaml"))
    read = [(path.stem, yaml.safe_load(path.read_text())) for path in found]
    return [{"name": name, "sentence": content["title"]} for name, content in read]


_HELP = "`seatrial list --help`"
TABLES: Mapping[str, Callable[[], list[Row]]] = {
    "guarantees": guarantees,
    "faults": faults,
    "profiles": subjects,
    "shapes": grounds,
    "experiments": experiments,
}


def rows_of(name: str) -> list[Row]:
    """Give a table by its name; raises BadInput with the names there are."""
    if name not in TABLES:
        raise BadInput(
            f"one of the tables {', '.join(TABLES)}", seen=name, remedy=nearest(name, TABLES, _HELP)
        )
    return TABLES[name]()


def explained(wanted: str) -> tuple[Row, ...]:
    """Find the rows of all tables that have this name: a drill may be named as its fault.

    Raises BadInput with the nearest name when there is none.
    """
    rows = _everything()
    if found := tuple(row for row in rows if row["name"] == wanted):
        return found
    raise BadInput(
        "a guarantee, fault, profile, shape or experiment by its name",
        seen=wanted,
        remedy=nearest(wanted, [row["name"] for row in rows], _HELP),
    )


def listing(
    table: Annotated[str, typer.Argument(help=" | ".join(TABLES))], as_json: Json = False
) -> int:
    """Show a table: guarantees, faults, profiles, shapes or experiments."""
    rows = rows_of(table)
    if as_json:
        show.document(rows)
    else:
        show.rows(rows, ("name", "sentence"))
    return 0


def explain(
    name: Annotated[str, typer.Argument(help="A name of any table, such as storage.rebind.")],
    as_json: Json = False,
) -> int:
    """Explain one row of a table: its sentence, its source, how it is exercised."""
    row, *more = explained(name)
    if as_json:
        show.document({**row, "also": more} if more else row)
        return 0
    for found in (row, *more):
        show.rows([{"": key, "value": value} for key, value in found.items()], ("", "value"))
    return 0


def page() -> str:
    """Give docs/tables.md: every row of every table; a test fails when the page is stale."""
    parts = ["# The tables\n\nMade from the code by `seatrial.cli.tables.page`; do not edit.\n"]
    for name, rows in TABLES.items():
        parts += [f"\n## {name.capitalize()}\n\n", *(_section(row) for row in rows())]
    return "".join(parts)


def _section(row: Row) -> str:
    facts = [(key, value) for key, value in row.items() if key not in ("name", "sentence")]
    listed = "".join(f"- {key}: {show.cell(value)}\n" for key, value in facts if value)
    return f"### {row['name']}\n\n{row['sentence']}\n\n{listed}\n"


@functools.cache
def _everything() -> tuple[Row, ...]:
    return tuple({"table": table, **row} for table, made in TABLES.items() for row in made())


@functools.cache
def _profiles() -> tuple[Any, ...]:
    return tuple(profiles.load(name, known=CHECKS) for name in profiles.names())
