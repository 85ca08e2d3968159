"""Who uses a profile from outside, as it is written: callers, visitors, and the pod network's own.

May import: pydantic; profiles.values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from seatrial.profiles.values import Bound, Name, Port, Section, Word


class Sessions(Section):
    """How visitors come to its sessions."""

    load: Annotated[Word, Field(description="A Locust file, which visits.")]
    image: Annotated[Word, Field(description="Name of the image in `images` that can run it.")]
    to: Annotated[Port, Field(description="A Service with affinity and its port, service:port.")]
    idle: Annotated[Port, Field(description="Another port of it, where visitors pause.")]
    through: Annotated[
        str,
        Field(
            pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?:[0-9]{1,5})?$",
            description="A proxy that goes by cookies.",
        ),
    ] = ""
    timeout: Annotated[
        Bound, Field(gt=0, description="Its timeoutSeconds: a client idle for longer is let go.")
    ] = 10800.0
    margin: Annotated[
        Bound, Field(gt=0, description="By how much pauses are shorter and longer than that.")
    ] = 1.5
    clients: Annotated[
        int, Field(strict=True, ge=1, le=100, description="Pods that visit, an address each.")
    ] = 14
    browsers: Annotated[
        int, Field(strict=True, ge=1, le=100, description="Browsers behind one address.")
    ] = 14
    rate: Annotated[float, Field(gt=0, le=50, description="Visits a second and client.")] = 4.0
    deadline: Annotated[Bound, Field(gt=0, description="Seconds until a visit is given up.")] = 2.0
    within: Annotated[
        Bound, Field(gt=0, description="Seconds until another member answers for a dead one.")
    ] = 10.0
    visits: Annotated[
        int, Field(strict=True, ge=1, le=10000, description="Visits a client that show something.")
    ] = 24


class Way(Section):
    """One way of connecting."""

    to: Annotated[
        Port, Field(description="A Service of the manifests and its port, as service:port.")
    ]
    policy: Annotated[
        Literal["pick_first", "round_robin"],
        Field(description="How a channel chooses among the addresses."),
    ] = "pick_first"
    claimed: Annotated[
        bool, Field(strict=True, description="Whether it keeps the promises, or is only measured.")
    ] = True
    resolve: Annotated[
        Bound, Field(description="Seconds until clients look the name up themselves; 0: never.")
    ] = 0.0


class Connections(Section):
    """How clients find and reach its members."""

    client: Annotated[Word, Field(description="File of Python that opens channels and calls.")]
    image: Annotated[Word, Field(description="Name of the image in `images` that can run it.")]
    ways: Annotated[
        Mapping[Name, Way], Field(min_length=1, description="The ways, each by its own name.")
    ]
    rate: Annotated[float, Field(gt=0, le=200, description="Calls a second and way.")] = 50.0
    deadline: Annotated[
        Bound, Field(gt=0, description="Seconds within which a call must be answered.")
    ] = 3.0
    calls: Annotated[
        int, Field(strict=True, ge=1, le=100000, description="Calls a way that tell the shares.")
    ] = 600
    within: Annotated[
        Bound, Field(gt=0, description="Seconds until new members are found, lost ones given up.")
    ] = 10.0
    stream_every: Annotated[
        int, Field(strict=True, ge=0, description="Each so many-th call is a long stream; 0: none.")
    ] = 20


class Outside(Section):
    """How it is reached from outside the pod network, and reaches out."""

    path: Annotated[
        str, Field(pattern=r"^/[^?#\s]*$", description="Where a member tells whom it sees.")
    ]
    services: Annotated[
        Mapping[Name, Literal["anywhere", "kept"]],
        Field(min_length=1, description="Services of type NodePort, and what each promises."),
    ]
    fetch: Annotated[
        tuple[Word, ...], Field(description="Prints the answer at the URL behind it.")
    ] = ()
