"""What the fake API server says of who its client is and what that one may do.

Kinds in `forbidden` are nobody's; a word there such as `watch pods` forbids that verb alone.
May import: testing.state and the standard library.
Source: kubernetes.io, API reference, SelfSubjectAccessReview and SelfSubjectReview.
"""

from __future__ import annotations

import json

from seatrial.testing.state import FakeApi, Object

_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def reviewed(api: FakeApi, path: str, body: bytes) -> Object | None:
    """Give the review that a path asks for; None when it asks for something else."""
    if path == _SELF:
        return {"status": {"userInfo": {"username": api.user, "groups": []}}}
    if path != _ACCESS:
        return None
    asked = json.loads(body)["spec"]["resourceAttributes"]
    return {"status": {"allowed": _allowed(api, asked)}}


def _allowed(api: FakeApi, asked: Object) -> bool:
    if asked["resource"] == "*":
        return not api.forbidden
    below = f"/{asked['subresource']}" if "subresource" in asked else ""
    resource = asked["resource"]
    return not {resource, f"{resource}{below}", f"{asked['verb']} {resource}{below}"} & set(
        api.forbidden
    )
