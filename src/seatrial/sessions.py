"""Sessions, as a profile declares them: how visitors come, and what they may expect.

May import: the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sessions:
    """Who visits and how: `load` is a Locust file, `image` an image name that can run it.

    `to` and `idle` are two ports of one Service, each service:port; `through` one of a proxy that
    goes by cookies, empty for none. `timeout` seconds after its last visit a client may be sent
    elsewhere; visitors pause `margin` less and `margin` more. `clients` addresses visit `rate`
    times a second each, `browsers` share one of them; a visit is given up after `deadline` seconds.
    Within `within` seconds after its member died a client is answered by another one. `visits` a
    client are waited for where something is to be shown.
    """

    load: str
    image: str
    to: str
    idle: str
    through: str = ""
    timeout: float = 10800.0
    margin: float = 1.5
    clients: int = 14
    browsers: int = 14
    rate: float = 4.0
    deadline: float = 2.0
    within: float = 10.0
    visits: int = 24
