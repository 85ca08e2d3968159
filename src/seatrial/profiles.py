"""Profiles from fixtures/<name>/profile.yaml: checked as a whole, errors with the line they are in.

Folders are the table: a subject lies in fixtures/<name>, a rogue in fixtures/rogues/<name>.
May import: model, errors, places, command; pydantic, yaml.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field

from seatrial import command
from seatrial.errors import BadInput, BadProfile
from seatrial.model import Profile
from seatrial.places import carried

_FILE = "profile.yaml"
_LARGEST = 256 * 1024
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=40)]
Words = Annotated[tuple[str, ...], Field(min_length=1)]


def _seconds(value: object) -> object:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) * _SECONDS[found[2]] if found else value


Bound = Annotated[float, pydantic.BeforeValidator(_seconds)]


class Declared(BaseModel):
    """A profile as it is written; the JSON schema in reports/schemas is made from this."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="seatrial profile")

    name: Name
    sentence: Annotated[str, Field(min_length=1, description="What it is, in one line.")]
    manifests: Annotated[str, Field(description="Folder of YAML, or of a kustomization.")]
    set: Annotated[Name, Field(description="The StatefulSet on trial.")]
    service: Annotated[Name, Field(description="Its headless Service.")]
    replicas: Annotated[int, Field(ge=1, le=50)]
    container: Annotated[Name, Field(description="The container that questions are asked in.")]
    claim_templates: tuple[Name, ...] = ()
    claims: Annotated[tuple[str, ...], Field(description="Ids of the guarantees it claims.")]
    ask: Annotated[
        Mapping[str, Words],
        Field(description="Question to argv: hostname, token; the output is the answer."),
    ]
    images: Annotated[
        Mapping[Name, str],
        Field(description="Image name in the manifests to the folder of its Dockerfile."),
    ] = {}
    bounds: Annotated[
        Mapping[str, Mapping[str, Bound]],
        Field(description="Bounds by guarantee id: numbers, or durations such as 30s."),
    ] = {}
    breaks: Annotated[tuple[str, ...], Field(description="A rogue: ids it must break.")] = ()
    may_break: Annotated[tuple[str, ...], Field(description="A rogue: ids it may break.")] = ()


def schema() -> dict[str, Any]:
    """Give the JSON schema of a profile file; `extends` makes every other key optional."""
    found = Declared.model_json_schema()
    found["properties"]["extends"] = {
        "type": "string",
        "description": "Folder of the profile that this one differs from.",
    }
    whole = {"required": found.pop("required")}
    return {**found, "anyOf": [whole, {"required": ["extends"]}]}


def names() -> list[str]:
    """Name every subject and rogue that this seatrial carries, rogues last."""
    return list(_folders())


def load(wanted: str, *, known: Collection[str]) -> Profile:
    """Load a profile by name or by path; `known` are the ids of all guarantees.

    Raises BadProfile with every problem found, each with its line; BadInput for no such profile.
    """
    return _loaded(_found(wanted), known)


def render(
    profile: Profile, *, images: Mapping[str, str], kubectl: str = "kubectl"
) -> list[dict[str, Any]]:
    """Give the profile's manifests as objects, with the images of the profile put in.

    A folder with a kustomization goes through `kubectl kustomize`; any other is read as it is.
    """
    folder = Path(profile.manifests)
    if (folder / "kustomization.yaml").exists():
        text = command.run([kubectl, "kustomize", str(folder)])
    else:
        text = "\n---\n".join(path.read_text() for path in sorted(folder.glob("*.y*ml")))
    try:
        documents = [found for found in yaml.safe_load_all(text) if found]
    except yaml.YAMLError as error:
        raise BadProfile(f"manifests in {folder} that are YAML", seen=str(error)) from None
    if not documents:
        raise BadProfile(f"at least one object in {folder}", seen="none")
    return [_imaged(document, images) for document in documents]


def _imaged(value: Any, images: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: images.get(inner, inner) if key == "image" and isinstance(inner, str)
            else _imaged(inner, images)
            for key, inner in value.items()
        }  # fmt: skip
    return [_imaged(inner, images) for inner in value] if isinstance(value, list) else value


def _folders() -> dict[str, Path]:
    root = carried("fixtures")
    files = [*sorted(root.glob(f"*/{_FILE}")), *sorted(root.glob(f"rogues/*/{_FILE}"))]
    return {file.parent.name: file for file in files}


def _found(wanted: str) -> Path:
    folders = _folders()
    if wanted in folders:
        return folders[wanted]
    path = Path(wanted)
    file = path / _FILE if path.is_dir() else path
    if file.is_file():
        return file.resolve()
    near = difflib.get_close_matches(wanted, folders, 1, 0.5)
    raise BadInput(
        f"a profile named {wanted}, or a {_FILE} at that path",
        seen=f"fixtures/ has {', '.join(folders)}",
        remedy=f"did you mean {near[0]}?" if near else "`seatrial list profiles`",
    )


def _loaded(file: Path, known: Collection[str]) -> Profile:
    fields, lines = _read(file)
    try:
        declared = Declared.model_validate(fields)
    except pydantic.ValidationError as error:
        problems = [_problem(file, lines, found) for found in error.errors()]
        raise _bad(file, problems) from None
    if problems := _strangers(file, lines, declared, known):
        raise _bad(file, problems)
    return Profile(**declared.model_dump(), folder=str(file.parent))


def _bad(file: Path, problems: list[str]) -> BadProfile:
    return BadProfile(
        f"a profile that reports/schemas/profile.schema.json allows: {file}",
        seen="; ".join(problems),
        remedy="docs/add-a-profile.md shows every key",
    )


def _problem(file: Path, lines: Mapping[str, int], error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    text = error["msg"]
    if error["type"] == "extra_forbidden":
        text = f"no key {path[-1]!r} here{_near(path[-1], Declared.model_fields)}"
    line = next(
        (lines[key] for n in range(len(path), 0, -1) if (key := ".".join(path[:n])) in lines), 1
    )
    return f"{file.name}:{line}: {'.'.join(path)}: {text}"


def _strangers(
    file: Path, lines: Mapping[str, int], declared: Declared, known: Collection[str]
) -> list[str]:
    places = ("claims", "breaks", "may_break", "bounds")
    named = [(place, n, id_) for place in places for n, id_ in enumerate(getattr(declared, place))]
    return [
        f"{file.name}:{lines.get(f'{place}.{n}', lines.get(place, 1))}: {place}: "
        f"no guarantee {id_!r}{_near(id_, known)}"
        for place, n, id_ in named
        if id_ not in known
    ]


def _near(wanted: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(wanted, list(known), 1, 0.5)
    return f", did you mean {near[0]!r}?" if near else ""


def _read(file: Path) -> tuple[dict[str, Any], dict[str, int]]:
    fields, lines = _parsed(file)
    for key in ("manifests",):
        if isinstance(fields.get(key), str):
            fields[key] = _folder(file, lines, key, fields[key])
    if isinstance(fields.get("images"), dict):
        fields["images"] = {
            name: _folder(file, lines, f"images.{name}", folder)
            for name, folder in fields["images"].items()
        }
    base = fields.pop("extends", None)
    if base is None:
        return fields, lines
    inherited, _ = _read(Path(_folder(file, lines, "extends", base)) / _FILE)
    return {**inherited, **fields}, lines


def _folder(file: Path, lines: Mapping[str, int], key: str, wanted: object) -> str:
    path = (file.parent / str(wanted)).resolve()
    if not path.is_dir():
        raise _bad(file, [f"{file.name}:{lines.get(key, 1)}: {key}: no folder {path}"])
    return str(path)


def _parsed(file: Path) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        if file.stat().st_size > _LARGEST:
            raise _bad(file, [f"it is larger than {_LARGEST} bytes"])
        text = file.read_text()
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise _bad(file, ["aliases (*name) are not allowed: say it twice"])
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        fields = yaml.safe_load(text)
    except OSError as error:
        raise BadInput(f"to read {file}", seen=error.strerror or str(error)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _bad(file, [" ".join(str(error).split())]) from None
    if not isinstance(fields, dict):
        raise _bad(file, ["a mapping of keys to values is wanted"])
    lines: dict[str, int] = {}
    _locate(file, node, "", lines)
    return fields, lines


def _locate(file: Path, node: yaml.Node, path: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = f"{path}.{key.value}".lstrip(".")
            if here in lines:
                raise _bad(file, [f"{file.name}:{key.start_mark.line + 1}: {here} stands twice"])
            lines[here] = key.start_mark.line + 1
            _locate(file, value, here, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[f"{path}.{number}"] = value.start_mark.line + 1
            _locate(file, value, f"{path}.{number}", lines)
