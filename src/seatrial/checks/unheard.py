"""Says of calls or visits that nobody answered how they ended, and where to look.

May import: the standard library.
Source: gRPC, "Status codes and their use in gRPC"; RFC 9110, 15.6 (a gateway's 502, 503 and 504).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_MOST = 3
"""How many ways to end are named."""
_SLICES = "kubectl get endpointslices -l kubernetes.io/service-name="
_LOGS = "kubectl logs of its pods"
_TOLD = "was {service} told the right address and port? It answers for members that do not answer"
_NAME = "is there a Service {service}, and if it is headless, an endpoint of it?"
_HINTS = {
    r"stat.*\b50[234]\b|upstream": f"{_TOLD} it: {_LOGS}",
    r"refused": f"does anybody listen at the targetPort of {{service}}? {_SLICES}{{service}}",
    r"gaierror|Name or service not known|DNS|resolving": f"{_NAME} {_SLICES}{{service}}",
}
"""By what a last answer says: what to look at, the likeliest first."""


def tally(ends: Iterable[str]) -> str:
    """Count how calls or visits ended, the most frequent end first."""
    return ", ".join(f"{count} x {end}" for end, count in Counter(ends).most_common(_MOST))


def hint(to: str, last: str) -> str:
    """Say what to look at when nobody answers at service:port, by what the last one ended in."""
    service = to.partition(":")[0]
    found = (text for pattern, text in _HINTS.items() if re.search(pattern, last))
    text = next(found, f"{_SLICES}{{service}}, and {_LOGS}")
    return f"try: {text.format(service=service)} (with --keep on-failure)"
