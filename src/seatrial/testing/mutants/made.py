"""Makes the mutants of what `[tool.mutmut]` names, and asks mypy which of the living it refuses.

`python -m seatrial.testing.mutants.made make N` (with N workers) or `... refuse`, in a checkout;
writes below mutants/ there. What was made before and has not changed since stays, with what became
of it. Only the living are shown to mypy: that is little code, and the dead need no judge.
May import: the standard library, mutmut and testing.mutants.told.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mutmut.__main__ import create_mutants
from mutmut.mutation.data import LineSpan, MutantLineSpans, SourceFileMutationData
from mutmut.type_checking import TypeCheckingError, run_type_checker
from mutmut.utils.file_utils import (
    change_cwd,
    copy_src_dir,
    walk_mutatable_files,
)
from mutmut.utils.format_utils import get_mutant_name

from seatrial.testing.mutants import told
from seatrial.testing.mutants.told import Code

FOLDER = Path("mutants")
RECORD = Path("reports") / "mutants.json"
_CODES = {**{letter: code for code, letter in told.LETTERS.items()}, told.KILLED: Code.KILLED}
_LIVING = FOLDER / "living"
_CACHE = ".mypy_cache"
"""What mypy knows of all that is as before."""
_MYPY = ("-m", "mypy", "--output", "json", "--disable-error-code", "unused-ignore")


def make(workers: int) -> None:
    """Write the mutated copy of the sources; take over the record."""
    FOLDER.mkdir(exist_ok=True)
    copy_src_dir()
    create_mutants(workers)
    known = told.valid(told.read(RECORD), told.functions(Path()))
    for path in walk_mutatable_files():
        _take_over(path, known)


def _take_over(path: Path, known: told.Record) -> None:
    """Let what the record knows stand where nothing was tried here."""
    data, place = SourceFileMutationData(path=path), dict[str, int]()
    data.load()
    for mutant, code in data.exit_code_by_key.items():
        function = told.function_of(mutant)
        place[function] = at = place.get(function, -1) + 1
        letters = known[function].mutants if function in known else ""
        if code is None and at < len(letters):
            data.exit_code_by_key[mutant] = _CODES.get(letters[at])
    data.save()


def refuse() -> None:
    """Note which of the mutants that live mypy refuses."""
    shutil.rmtree(_LIVING / "src", ignore_errors=True)
    shutil.copytree("src", _LIVING / "src")
    shutil.copy2("pyproject.toml", _LIVING)
    if Path(_CACHE).exists() and not (_LIVING / _CACHE).exists():
        shutil.copytree(_CACHE, _LIVING / _CACHE)
    kept = {path: lines for path in walk_mutatable_files() if (lines := _living(path))}
    for path, lines in kept.items():
        (_LIVING / path).write_text("".join(text for _, text in lines))
    if kept:
        with change_cwd(_LIVING):
            errors = run_type_checker([sys.executable, *_MYPY, *map(str, kept)])
        for path, lines in kept.items():
            places = [lines[e.line_number - 1][0] for e in errors if _in(e, path)]
            _refused(path, places)


def _in(error: TypeCheckingError, path: Path) -> bool:
    return error.file_path == (_LIVING / path).absolute()


def _living(path: Path) -> list[tuple[int, str]]:
    """Give the numbered lines of a mutated file without those of mutants that are dead."""
    data, index = SourceFileMutationData(path=path), MutantLineSpans.load(path)
    data.load()
    spans = index.span_by_function_name if index else {}
    living = {
        name.rpartition(".")[2]
        for name, code in data.exit_code_by_key.items()
        if code in told.LIVING
    }
    dead = {name for name in spans if name not in living and not name.endswith("_orig")}
    gone = {line for name in dead for line in range(spans[name].start, spans[name].end + 1)}
    lines = enumerate((FOLDER / path).read_text().splitlines(keepends=True), 1)
    kept = [(n, text) for n, text in lines if n not in gone and not _lists(text, dead)]
    return kept if living else []


def _lists(text: str, dead: Iterable[str]) -> bool:
    """Say whether this line enters one of the dead into the table of a function's mutants."""
    return text.startswith("mutants_") and text.partition("['")[2].partition("']")[0] in dead


def _refused(path: Path, places: Iterable[int]) -> None:
    index, data = MutantLineSpans.load(path), SourceFileMutationData(path=path)
    data.load()
    for name in _at(index.span_by_function_name if index else {}, places):
        mutant = get_mutant_name(path, name)
        if data.exit_code_by_key.get(mutant) in told.LIVING:
            data.exit_code_by_key[mutant] = Code.REFUSED
    data.save()


def _at(spans: Mapping[str, LineSpan], places: Iterable[int]) -> Iterator[str]:
    """Give the functions that hold these lines."""
    for place in set(places):
        yield from (name for name, span in spans.items() if span.start <= place <= span.end)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]))
    else:
        refuse()
