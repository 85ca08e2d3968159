"""What became of the mutants, and why some may live: reads what mutmut keeps, and the reasons.

A record names each function of the judges, a digest of its text, and a letter a mutant of it, in
mutmut's order: k killed, a alive, n reached by no test, r refused by mypy, - not yet tried. A
refused one could not be committed and counts nowhere; one that was not tried counts as alive, and
so does one whose reason to live stands in tests/mutants.toml.
May import: the standard library.
"""

from __future__ import annotations

import ast
import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from pathlib import Path

JUDGES = Path("src") / "seatrial" / "checks"
KILLED, ALIVE, UNREACHED, REFUSED, UNTRIED = "kanr-"


class Code(IntEnum):
    """mutmut's numbers for what became of a mutant; SLOW ran far longer than the function does."""

    ALIVE = 0
    KILLED = 1
    UNREACHED = 33
    SLOW = 36
    REFUSED = 37


LIVING = frozenset({Code.ALIVE, Code.UNREACHED})
LETTERS = {Code.ALIVE: ALIVE, Code.UNREACHED: UNREACHED, Code.REFUSED: REFUSED, None: UNTRIED}
"""By number; every other one is of a mutant that was noticed."""
_SEPARATOR = "ǁ"


@dataclass(frozen=True)
class Function:
    """A function of the judges: a digest of its text, and a letter a mutant."""

    digest: str
    mutants: str = ""

    @property
    def done(self) -> bool:
        """Say whether all its mutants were tried."""
        return UNTRIED not in self.mutants


Record = Mapping[str, Function]
"""By mutmut's name of the function: seatrial.checks.storage.x__pod."""


@dataclass(frozen=True)
class Change:
    """What one mutant changes: `of` is module.function; the lines that differ, stripped."""

    of: str
    was: str
    becomes: str


@dataclass(frozen=True)
class Reason(Change):
    """Why a mutant may live."""

    why: str


def functions(checkout: Path) -> Record:
    """Give the functions of the judges as they are written today, none of their mutants tried."""
    found = {}
    for path in sorted((checkout / JUDGES).rglob("*.py")):
        for name, node in _defined(ast.parse(path.read_text()).body):
            text = ast.dump(node, annotate_fields=False).encode()
            found[f"{module(checkout, path)}.{name}"] = _fresh(text)
    return found


def _fresh(text: bytes) -> Function:
    """Give a function of which nobody knows yet how many mutants it has."""
    return Function(sha256(text).hexdigest()[:12], UNTRIED)


def module(checkout: Path, path: Path) -> str:
    """Give the name by which a source file is imported."""
    parts = path.relative_to(checkout / "src").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def function_of(mutant: str) -> str:
    """Give the name of the function that a mutant changes."""
    return mutant.partition("__mutmut_")[0]


def _defined(body: Sequence[ast.stmt], within: str = "") -> Iterator[tuple[str, ast.stmt]]:
    """Give functions and methods by the names that mutmut gives them."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = f"x{_SEPARATOR}{within}{_SEPARATOR}{node.name}" if within else f"x_{node.name}"
            yield own, node
        elif isinstance(node, ast.ClassDef):
            yield from _defined(node.body, f"{within}.{node.name}".lstrip("."))


def read(file: Path) -> Record:
    """Read a record; an absent file is an empty one."""
    lines = json.loads(file.read_text()) if file.exists() else {}
    return {name: Function(*line.partition(" ")[::2]) for name, line in lines.items()}


def write(file: Path, record: Record) -> None:
    """Write a record, a line a function."""
    lines = {name: f"{one.digest} {one.mutants}" for name, one in sorted(record.items())}
    file.write_text(json.dumps(lines, indent=0, ensure_ascii=False) + "\n")


def valid(before: Record, today: Record) -> Record:
    """Give what is still known of today's functions; those that changed are not tried."""
    old = {name: before.get(name, one) for name, one in today.items()}
    return {n: old[n] if old[n].digest == one.digest else one for n, one in today.items()}


def collected(checkout: Path) -> Record:
    """Read what mutmut keeps below mutants/; who changed since, or is new, is not tried."""
    today, letters = functions(checkout), dict[str, str]()
    for meta in sorted((checkout / "mutants" / JUDGES).rglob("*.py.meta")):
        source = checkout / meta.relative_to(checkout / "mutants").with_suffix("")
        kept, own = json.loads(meta.read_text()), module(checkout, source)
        made = {f"{own}.{name}": text for name, text in kept["hash_by_function_name"].items()}
        made_at = meta.with_suffix("").stat().st_mtime
        if source.exists() and source.stat().st_mtime <= made_at:
            letters |= {n: "" for n in today if n.rpartition(".x")[0] == own and n not in made}
        same = {name for name, text in made.items() if name in today and today[name].digest == text}
        letters |= dict.fromkeys(same, "")
        for mutant, code in kept["exit_code_by_key"].items():
            if (function := function_of(mutant)) in same:
                letters[function] += LETTERS.get(code, KILLED)
    return {n: Function(one.digest, letters.get(n, UNTRIED)) for n, one in today.items()}


def since(before: Record, after: Record) -> str:
    """Give the letters of all that was tried in between."""
    found = ""
    for name, one in after.items():
        was = before[name].mutants.ljust(len(one.mutants), UNTRIED)
        pairs = zip(was, one.mutants, strict=False)
        found += "".join(now for past, now in pairs if past == UNTRIED != now)
    return found


def score(record: Record) -> float:
    """Give how many of a hundred mutants were killed."""
    all_of = "".join(one.mutants for one in record.values()).replace(REFUSED, "")
    return 100 * all_of.count(KILLED) / max(len(all_of), 1)


def table(record: Record) -> Iterator[str]:
    """Give a line a module: its score, and how many are killed, alive, refused and not tried."""
    modules: dict[str, dict[str, Function]] = {}
    for name, one in record.items():
        modules.setdefault(_short(name).rpartition(".")[0], {})[name] = one
    for module, own in sorted(modules.items()):
        yield _line(module, own)
    yield _line("all", record)


def _line(name: str, record: Record) -> str:
    all_of = "".join(one.mutants for one in record.values())
    alive = all_of.count(ALIVE) + all_of.count(UNREACHED)
    counts = f"{all_of.count(KILLED):6} killed {alive:5} alive {all_of.count(REFUSED):5} refused"
    return f"{name:28} {score(record):6.1f} % {counts} {all_of.count(UNTRIED):6} not tried"


def _short(name: str) -> str:
    """Give module.function below seatrial.checks, with a point between class and method."""
    module, _, own = name.rpartition(".x")
    module = module.removeprefix("seatrial.checks").removeprefix(".") or "__init__"
    return f"{module}.{own.removeprefix('_').strip(_SEPARATOR).replace(_SEPARATOR, '.')}"


def living(checkout: Path) -> Iterator[Change]:
    """Give what each mutant that lives changes; they lie below mutants/."""
    for meta in sorted((checkout / "mutants" / JUDGES).rglob("*.py.meta")):
        path = meta.with_suffix("")
        lines = path.read_text().splitlines()
        spans = json.loads(path.with_name(f"{path.name}.spans").read_text())["spans"]
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            if code in LIVING:
                yield _change(name, lines, spans)


def _change(name: str, lines: Sequence[str], spans: Mapping[str, tuple[int, int]]) -> Change:
    function, own = function_of(name), name.rpartition(".")[2]
    plain = f"{function.rpartition('.')[2]}__mutmut_orig"
    original, mutated = (
        [line.replace(one, "") for line in lines[spans[one][0] - 1 : spans[one][1]]]
        for one in (plain, own)
    )
    told = list(difflib.ndiff(original, mutated))
    was, becomes = (
        "\n".join(line[2:].strip() for line in told if line.startswith(sign)) for sign in "-+"
    )
    return Change(_short(function), was, becomes)


def reasons(file: Path) -> list[Reason]:
    """Read the reasons; raises TypeError for a row with other fields than a Reason's."""
    return [Reason(**row) for row in tomllib.loads(file.read_text()).get("alive", [])]


def unexplained(changes: Sequence[Change], why: Sequence[Reason]) -> list[Change]:
    """Give the changes that no reason names."""
    known = {(reason.of, reason.was, reason.becomes) for reason in why}
    return [one for one in changes if (one.of, one.was, one.becomes) not in known]
