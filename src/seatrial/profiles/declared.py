"""A profile as it is written, and the JSON schema that editors check it by.

May import: pydantic; profiles.{outside,values}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from seatrial.profiles.outside import Connections, Outside, Sessions
from seatrial.profiles.values import Bound, Ids, Name, Resource, Section, Word

Question = Literal[
    "hostname", "token", "ordinal", "id", "cluster", "leader", "config", "tally", "members"
]  # fmt: skip
QUESTIONS: tuple[str, ...] = get_args(Question)
OWN = ("name", "sentence")
"""Keys that a profile which extends another one has to say itself."""


class Load(Section):
    """How clients write while the trial goes on."""

    rate: Annotated[
        float, Field(strict=True, gt=0, le=200, description="Writes a second and writer.")
    ] = 20.0
    writers: Annotated[
        int, Field(strict=True, ge=1, le=16, description="Writers at each member.")
    ] = 1


Argv = Annotated[tuple[Word, ...], Field(min_length=1)]


class Recovery(Section):
    """How it is backed up and restored: by an operator that meets docs/recovery.md."""

    records: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9.-]+/v[0-9][a-z0-9]*$",
            description="Group and version of its custom resources Backup and Restore.",
        ),
    ]


class Centre(Section):
    """What configures it while it runs; each command is run in a member's container."""

    deployment: Annotated[Name, Field(description="The Deployment that it is.")]
    service: Annotated[Name, Field(description="The Service that leads to it.")]
    ask: Annotated[Argv, Field(description="Prints what it answers, fails when it does not.")]
    publish: Annotated[
        tuple[Word, ...], Field(description="Publishes a change: the word that comes behind it.")
    ] = ()
    taken: Annotated[
        tuple[Word, ...], Field(description="Ends once the member runs with that change.")
    ] = ()


class Setting(Section):
    """One thing that members are given."""

    of: Annotated[
        str,
        Field(
            pattern=r"^(configmap|secret)/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
            description="What gives it: configmap/NAME or secret/NAME, of the manifests.",
        ),
    ]
    key: Annotated[Word, Field(description="The key of it.")]
    to: Annotated[Word, Field(description="Another value, which it is changed to for a while.")]
    changes: Annotated[
        Literal["live", "restart", "never"],
        Field(description="Who is given a change: who runs, who starts anew, or nobody."),
    ] = "live"


class Given(Section):
    """What members are given by ConfigMaps and Secrets, and what a change of them does."""

    taken: Annotated[
        Argv,
        Field(description="Ends once the member is given a value: name, digest, seconds behind."),
    ]
    settings: Annotated[
        Mapping[Name, Setting],
        Field(min_length=1, description="By the names that the question `config` tells."),
    ]

    @model_validator(mode="after")
    def _one_kind(self) -> Given:
        for name in {one.of for one in self.settings.values()}:
            kinds = {one.changes == "never" for one in self.settings.values() if one.of == name}
            if len(kinds) > 1:
                raise ValueError(f"{name} is immutable as a whole: `never` for all it gives")
        return self


class Metrics(Section):
    """Where each member tells its counts as Prometheus text."""

    port: Annotated[int, Field(strict=True, ge=1, le=65535, description="A member's own port.")]
    path: Annotated[str, Field(pattern=r"^/[^?#\s]*$", description="Where it tells them.")] = (
        "/metrics"
    )
    acknowledged: Annotated[
        str,
        Field(
            pattern=r"^([a-zA-Z_:][a-zA-Z0-9_:]*)?$",
            description="Its counter of acknowledged writes, without labels.",
        ),
    ] = ""


NESTED = {
    "connections": tuple(Connections.model_fields),
    "centre": tuple(Centre.model_fields),
    "given": tuple(Given.model_fields),
    "load": tuple(Load.model_fields),
    "metrics": tuple(Metrics.model_fields),
    "outside": tuple(Outside.model_fields),
    "recovery": tuple(Recovery.model_fields),
    "sessions": tuple(Sessions.model_fields),
}
"""By key that holds a mapping: the keys of that mapping."""


class Declared(Section):
    """A profile with all that it inherits."""

    name: Annotated[Name, Field(description="What `certify` calls it.")]
    sentence: Annotated[Word, Field(description="What it is, in one line.")]
    manifests: Annotated[Word, Field(description="Folder of YAML, or of a kustomization.")]
    set: Annotated[Name, Field(description="The StatefulSet on trial.")]
    service: Annotated[Name, Field(description="Its headless Service.")]
    replicas: Annotated[int, Field(strict=True, ge=1, le=50, description="How many members.")]
    first_ordinal: Annotated[
        int, Field(strict=True, ge=0, description="Its spec.ordinals.start.")
    ] = 0
    container: Annotated[Name, Field(description="The container that questions are asked in.")]
    claim_templates: Annotated[
        tuple[Name, ...], Field(description="Names of its volumeClaimTemplates.")
    ] = ()
    claims: Annotated[Ids, Field(min_length=1, description="Ids of the guarantees that it claims.")]
    ask: Annotated[
        Mapping[Question, Annotated[tuple[Word, ...], Field(min_length=1)]],
        Field(description="A question, and the argv that answers it inside the container."),
    ]
    images: Annotated[
        Mapping[Word, Word],
        Field(description="An image name in the manifests, and the folder of its Dockerfile."),
    ] = {}
    secrets: Annotated[
        tuple[Name, ...],
        Field(description="Secrets to make for each run, each with a random `key`."),
    ] = ()
    bounds: Annotated[
        Mapping[str, Mapping[str, Bound]],
        Field(description="By guarantee id: numbers, or durations such as 30s."),
    ] = {}
    watch: Annotated[
        tuple[Resource, ...],
        Field(description="Custom resources whose changes belong to the evidence."),
    ] = ()
    managers: Annotated[
        tuple[Word, ...],
        Field(description="Field managers of its own operators, who may change its set."),
    ] = ()
    breaks: Annotated[Ids, Field(description="A rogue: the ids that it must break.")] = ()
    may_break: Annotated[Ids, Field(description="A rogue: the ids that it may break.")] = ()
    controller: Annotated[
        str, Field(description="A rogue: file of a kopf operator that runs beside the trial.")
    ] = ""
    client: Annotated[
        str, Field(description="File of Python that writes to a member and reads it.")
    ] = ""
    port: Annotated[
        int, Field(strict=True, ge=0, le=65535, description="Where the client reaches a member.")
    ] = 0
    load: Annotated[Load, Field(description="How the client is used.")] = Load()
    replicated: Annotated[
        bool, Field(strict=True, description="Each member holds what any of them acknowledged.")
    ] = False
    metrics: Annotated[
        Metrics | None, Field(description="Where a Prometheus finds the members' counts.")
    ] = None
    connections: Annotated[
        Connections | None, Field(description="How clients find and reach its members.")
    ] = None
    sessions: Annotated[
        Sessions | None, Field(description="How visitors come to its sessions.")
    ] = None
    centre: Annotated[
        Centre | None, Field(description="The configuration centre that configures it.")
    ] = None
    given: Annotated[
        Given | None, Field(description="What it is given by ConfigMaps and Secrets.")
    ] = None
    outside: Annotated[
        Outside | None, Field(description="How it is reached from outside the pod network.")
    ] = None
    sidecar: Annotated[
        str,
        Field(
            pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$",
            description="The container of the agent beside each member, in its pod.",
        ),
    ] = ""
    recovery: Annotated[Recovery | None, Field(description="How it is backed up and restored.")] = (
        None
    )


KEYS = (*Declared.model_fields, "extends")


def schema() -> dict[str, Any]:
    """Give the JSON schema of profile.yaml: what `extends` another one may leave nearly all out."""
    made = Declared.model_json_schema()
    extends = {"type": "string", "description": "Folder of the profile that this one changes."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "profile.yaml of a workload on trial",
        "type": "object",
        "additionalProperties": False,
        "$defs": made["$defs"],
        "properties": {"extends": extends, **made["properties"]},
        "anyOf": [{"required": made["required"]}, {"required": ["extends", *OWN]}],
    }
