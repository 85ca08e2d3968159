"""YAML with the line of every key; a profile together with those it extends.

Whatever a file holds, reading it ends soon: size, depth and what its aliases unfold to are bounded.
May import: errors; profiles.{clients,declared}; yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from seatrial.errors import BadInput, BadProfile
from seatrial.profiles.clients import idle, uncalling, unusable, visitless
from seatrial.profiles.declared import OWN

PROFILE = "profile.yaml"
_LARGEST = 64 * 1024
_MOST_VALUES = 100_000
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_NEVER_INHERITED = (*OWN, "breaks", "may_break", "controller")

Place = tuple[str, ...]
"""The keys that lead to a value."""


@dataclass(frozen=True)
class Written:
    """What stands in a profile: its fields, where each stands (file:line), what is wrong so far."""

    file: Path
    fields: dict[str, Any]
    lines: Mapping[Place, str]
    problems: tuple[str, ...] = ()

    def line(self, place: Place) -> str:
        """Give file:line of a place, or of the nearest one around it that is there."""
        around = (place[:length] for length in range(len(place), 0, -1))
        return next((self.lines[p] for p in around if p in self.lines), f"{shown(self.file)}:1")


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, the line of every key and item, keys that stand twice."""

    value: Any
    lines: Mapping[Place, int]
    doubled: tuple[tuple[Place, int], ...]


class _Loader(yaml.SafeLoader):
    """Reads dates as the words they are, as Kubernetes does."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class's own shape
        first: [(tag, pattern) for tag, pattern in found if tag != _TIMESTAMP]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass
class _Map:
    lines: dict[Place, int] = field(default_factory=dict)
    doubled: list[tuple[Place, int]] = field(default_factory=list)


def shown(file: Path) -> str:
    """Give a path as one would type it from here."""
    try:
        return str(file.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(file)


def text_of(file: Path, largest: int = _LARGEST) -> str:
    """Read a file of bounded size; raises BadInput, or BadProfile for what is no text."""
    try:
        with file.open("rb") as opened:
            data = opened.read(largest + 1)
    except OSError as error:
        raise BadInput(f"to read {shown(file)}", seen=error.strerror or str(error)) from None
    if len(data) > largest:
        raise BadProfile(f"at most {largest} bytes in {shown(file)}", seen="more than that")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadProfile("text in UTF-8", seen=f"{shown(file)}:{line}: other bytes") from None


def documents(text: str, name: str) -> Iterator[Document]:
    """Give the YAML documents of a text; `name` is what to call it.

    Raises BadProfile with the line of what is no YAML.
    """
    try:
        for node, loader in _nodes(text):
            if _unfolded(node, {}) > _MOST_VALUES:
                raise BadProfile(
                    f"YAML that unfolds to at most {_MOST_VALUES} values", seen=f"more in {name}"
                )
            found = _Map()
            value = loader.construct_document(node)
            _locate(node, (), found)
            yield Document(value, found.lines, tuple(found.doubled))
    except yaml.YAMLError as error:
        raise BadProfile("YAML", seen=_syntax(error, name)) from None
    except RecursionError:
        raise BadProfile("YAML that a person can read", seen=f"endless nesting in {name}") from None
    except ValueError as error:
        raise BadProfile("YAML", seen=f"{name}: {error}") from None


def _nodes(text: str) -> Iterator[tuple[yaml.Node, _Loader]]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            if node := loader.get_node():
                yield node, loader
    finally:
        loader.dispose()


def broken_by(file: Path) -> tuple[str, ...]:
    """Give the guarantees that a profile says it breaks, and nothing else of it; empty for none.

    Nobody inherits them, so its own file says it all; what is wrong with it `read` tells.
    """
    try:
        found = yaml.load(text_of(file), _FAST)  # noqa: S506 - a safe loader, libyaml's when there
        breaks = found.get("breaks") if isinstance(found, dict) else None
    except (yaml.YAMLError, RecursionError, BadInput, BadProfile):
        return ()
    return tuple(map(str, breaks)) if isinstance(breaks, list) else ()


_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(file: Path, above: tuple[Path, ...] = ()) -> Written:
    """Read a profile and, where it says `extends`, the one it changes: key by key at the top.

    Folders are made absolute where they are written. Raises BadInput or BadProfile for what
    cannot be read at all; what can is in `problems`.
    """
    own = _own(file)
    base = own.fields.pop("extends", None)
    own = _with_folders(own)
    if base is None:
        return own
    target = _base(file, base)
    if target is None:
        return _worse(own, ("extends",), f"there is no {PROFILE} at {base!r}")
    if target in (*above, file.resolve()):
        return _worse(own, ("extends",), "it extends itself in the end")
    return _merged(read(target, (*above, file.resolve())), own)


def _own(file: Path) -> Written:
    found = list(documents(text_of(file), shown(file)))
    if len(found) != 1 or not isinstance(found[0].value, dict):
        raise BadProfile(
            "one YAML document of keys and values", seen=f"something else in {shown(file)}"
        )
    (document,) = found
    doubled = [f"{shown(file)}:{n}: {'.'.join(p)} stands twice" for p, n in document.doubled]
    lines = {place: f"{shown(file)}:{number}" for place, number in document.lines.items()}
    return Written(file, document.value, lines, tuple(doubled))


def _base(file: Path, wanted: object) -> Path | None:
    path = (file.parent / wanted).resolve() if isinstance(wanted, str) else None
    if path and path.is_dir():
        path /= PROFILE
    return path if path and path.is_file() else None


def _with_folders(own: Written) -> Written:
    for place, folder in list(_folders(own.fields)):
        path = (own.file.parent / folder).resolve()
        if not path.is_dir():
            own = _worse(own, place, f"there is no folder {folder}")
        elif place[0] == "images":
            own.fields["images"][place[1]] = str(path)
            if not (path / "Dockerfile").is_file():
                own = _worse(own, place, f"there is no Dockerfile in {folder}")
        else:
            own.fields[place[0]] = str(path)
    for key, wrong in _PROGRAMS.items():
        own = _with_program(own, own.fields, (key,), wrong)
    for (outer, key), wrong in _PROGRAMS_WITHIN.items():
        nested = own.fields.get(outer)
        if isinstance(nested, dict):
            own = _with_program(own, nested, (outer, key), wrong)
    return own


_PROGRAMS = {"client": unusable, "controller": idle}
_PROGRAMS_WITHIN = {("connections", "client"): uncalling, ("sessions", "load"): visitless}


def _with_program(
    own: Written, fields: dict[str, Any], place: Place, wrong: Callable[[Path, str], str]
) -> Written:
    file = fields.get(place[-1])
    if not isinstance(file, str) or not file:
        return own
    path = (own.file.parent / file).resolve()
    fields[place[-1]] = str(path)
    sentence = wrong(path, file)
    return _worse(own, place, sentence) if sentence else own


def _folders(fields: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    if isinstance(folder := fields.get("manifests"), str):
        yield ("manifests",), folder
    images = fields.get("images")
    for name, folder in images.items() if isinstance(images, dict) else ():
        if isinstance(name, str) and isinstance(folder, str):
            yield ("images", name), folder


def _merged(base: Written, own: Written) -> Written:
    inherited = {k: v for k, v in base.fields.items() if k not in _NEVER_INHERITED}
    kept = {
        place: line
        for place, line in base.lines.items()
        if place[0] not in own.fields and place[0] in inherited
    }
    problems = (*base.problems, *own.problems)
    return Written(own.file, {**inherited, **own.fields}, {**kept, **own.lines}, problems)


def _worse(own: Written, place: Place, sentence: str) -> Written:
    problem = f"{own.line(place)}: {'.'.join(place)}: {sentence}"
    return Written(own.file, own.fields, own.lines, (*own.problems, problem))


def _unfolded(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values that a node stands for when every alias is written out."""
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES + 1  # For whoever meets it inside of itself.
        known[id(node)] = 1 + sum(_unfolded(child, known) for child in _children(node))
    return known[id(node)]


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _locate(node: yaml.Node, place: Place, found: _Map) -> None:
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _put(item, item, (*place, str(number)), found)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _put(key, value, (*place, str(key.value)), found)


def _put(mark: yaml.Node, value: yaml.Node, here: Place, found: _Map) -> None:
    line = mark.start_mark.line + 1
    if here in found.lines:
        found.doubled.append((here, line))
    found.lines.setdefault(here, line)
    _locate(value, here, found)


def _syntax(error: yaml.YAMLError, name: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{name}:{mark.line + 1}: {said}" if mark else f"{name}: {said}"
