"""Puts a mutant's code into the function it was made of, and marks which statements a test reaches.

mutmut writes each mutant as a function beside its original, below mutants/. Here the tree itself
is imported, unchanged: a mutant acts once its code stands in the original's `__code__`, whoever
holds the function; so nothing is imported twice and nothing asks at each call who acts.
May import: the standard library, numpy, mutmut and testing.mutants.told.
"""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from mutmut.mutation.data import MutantLineSpans

MARKS = "__seatrial_reached__"
"""The built-in name below which a marked statement notes that it ran."""
_SEPARATOR = "ǁ"
_FLAGS = annotations.compiler_flag
_Defaults = tuple[tuple[Any, ...] | None, dict[str, Any] | None]


@dataclass(eq=False)
class Judge:
    """A function of the judges: by mutmut's name, with the texts of its original and mutants.

    `first` is the mark of its first statement.
    """

    name: str
    texts: Mapping[str, str]
    first: int = 0
    _kept: tuple[CodeType, _Defaults] | None = field(default=None, init=False)

    @property
    def mutants(self) -> Sequence[str]:
        """Give its mutants, by mutmut's numbers."""
        return [which for which in self.texts if which != "orig"]

    @property
    def within(self) -> str:
        """Give the class it is a method of, if it is one."""
        own = self.name.rpartition(".x")[2]
        return own.split(_SEPARATOR)[1] if own.startswith(_SEPARATOR) else ""

    @property
    def called(self) -> str:
        """Give its own name."""
        own = self.name.rpartition(".x")[2]
        return own.split(_SEPARATOR)[2] if self.within else own.removeprefix("_")

    @cached_property
    def function(self) -> Any:
        """Give the function as everybody holds it."""
        holder = vars(importlib.import_module(self.name.rpartition(".x")[0]))
        if self.within:
            holder = vars(holder[self.within])
        found = holder[self.called]
        function = getattr(found, "__func__", found)
        if not isinstance(function, FunctionType):
            raise TypeError(f"{self.name} is {function!r}, whose code cannot be changed")
        return function

    @cached_property
    def _original(self) -> ast.FunctionDef:
        return _defined(self.texts["orig"], self.within)[1]

    @cached_property
    def statements(self) -> Sequence[ast.stmt]:
        """Give its statements, in the order of their marks."""
        return list(_statements(self._original))

    def mark(self, mutant: str) -> int:
        """Give the mark of the innermost statement that a mutant changes; the first for a head."""
        pairs = zip(self.texts["orig"].splitlines(), self.texts[mutant].splitlines(), strict=False)
        head = self._original.lineno
        lines = (
            line
            for line, (was, becomes) in enumerate(pairs, 1 + bool(self.within))
            if was != becomes and line != head
        )
        line = next(lines, head)
        around = [
            (one.lineno, at)
            for at, one in enumerate(self.statements)
            if one.lineno <= line <= (one.end_lineno or line)
        ]
        return self.first + max(around, default=(0, 0))[1]

    def act_as(self, mutant: str) -> None:
        """Let the function be this mutant, until `restore`."""
        tree, node = _defined(self.texts[mutant], self.within)
        self.put(tree, node)

    def put(self, tree: ast.Module, node: ast.FunctionDef) -> None:
        """Let the function be what this node of a tree says, until `restore`.

        Code has to close over what it closed over: a method's class, where `super()` stands.
        """
        function = self.function
        if self._kept is None:
            self._kept = function.__code__, (function.__defaults__, function.__kwdefaults__)
        own = self._kept[0]
        if ast.dump(node.args) != ast.dump(self._original.args):
            given = _defaults(node.args, function.__globals__)
            function.__defaults__, function.__kwdefaults__ = given
        if function.__closure__:
            node.body += ast.parse("__class__").body
        head = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        ast.increment_lineno(ast.fix_missing_locations(tree), own.co_firstlineno - head)
        code = compile(tree, own.co_filename, "exec", _FLAGS, dont_inherit=True)
        function.__code__ = _found(code, node.name)

    def restore(self) -> None:
        """Let it be itself again."""
        if self._kept is not None:
            code, (plain, named) = self._kept
            self.function.__code__ = code
            self.function.__defaults__, self.function.__kwdefaults__ = plain, named


def judges(path: Path, module: str) -> Iterator[Judge]:
    """Give the functions of a source file of which mutmut made mutants."""
    index = MutantLineSpans.load(path)
    spans = index.span_by_function_name if index else {}
    lines = (Path("mutants") / path).read_text().splitlines(keepends=True)
    texts: dict[str, dict[str, str]] = {}
    for name, span in spans.items():
        function, _, which = name.partition("__mutmut_")
        texts.setdefault(function, {})[which] = "".join(lines[span.start - 1 : span.end])
    for function, own in texts.items():
        yield Judge(f"{module}.{function}", own)


def number(found: Iterable[Judge]) -> int:
    """Number all marks, and give how many there are."""
    count = 0
    for judge in found:
        judge.first, count = count, count + len(judge.statements)
    return count


def mark_all(found: Sequence[Judge]) -> bytearray:
    """Let every statement of these functions note when it runs, until each is restored.

    Gives the marks: one byte a statement, 1 when it ran.
    """
    marks = bytearray(number(found))
    vars(builtins)[MARKS] = marks
    for judge in found:
        tree, node = _defined(judge.texts["orig"], judge.within)
        _mark(node, iter(range(judge.first, judge.first + len(judge.statements))))
        judge.put(tree, node)
    return marks


def _defined(text: str, within: str) -> tuple[ast.Module, ast.FunctionDef]:
    """Parse a function, in a class of this name if it is a method."""
    tree = ast.parse(f"class {within}:\n{text}" if within else text)
    body: Any = tree.body[0]
    node = body.body[0] if within else body
    return tree, node


def _found(code: CodeType, name: str) -> CodeType:
    """Give the code of the one function of this name that was compiled within other code."""
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    own = [one for one in inner if one.co_name == name]
    return own[0] if own else _found(inner[0], name)


def _defaults(args: ast.arguments, within: dict[str, Any]) -> _Defaults:
    def value(given: ast.expr) -> Any:
        return eval(compile(ast.Expression(given), "default", "eval"), within)  # noqa: S307 - our own code

    plain = tuple(value(one) for one in args.defaults)
    pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    named = {arg.arg: value(one) for arg, one in pairs if one is not None}
    return plain or None, named or None


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(node):
        inner = value if isinstance(value, list) else []
        if inner and isinstance(inner[0], ast.stmt):
            yield inner
        for one in inner:
            if isinstance(one, ast.ExceptHandler | ast.match_case):
                yield from _blocks(one)


def _documents(one: ast.stmt) -> bool:
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    for block in _blocks(node):
        for one in block:
            if not _documents(one):
                yield one
                yield from _statements(one)


def _mark(node: ast.AST, marks: Iterator[int]) -> None:
    for block in _blocks(node):
        marked: list[ast.stmt] = []
        for one in block:
            if not _documents(one):
                marked += ast.parse(f"{MARKS}[{next(marks)}] = 1").body
                _mark(one, marks)
            marked.append(one)
        block[:] = marked
