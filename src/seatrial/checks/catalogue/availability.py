"""The guarantees of the family availability: when clients are served again, and how well meanwhile.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import budgeted, fake_deaths, recovered, sidecars
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "availability.rto",
        "after each fault that the cluster mends by itself, whoever served before acknowledges "
        "again within a bound, as clients see it",
        "https://csrc.nist.gov/pubs/sp/800/34/r1/upd1/final",
        "each member is deleted, the process of one is killed, and that of one stands still, all "
        "under load",
        ("pod-delete", "process-kill", "process-hang"),
        recovered.rto,
    ),
    Guarantee(
        "availability.budget",
        "while faults are caused, the share of requests that go wrong or come late stays in the "
        "claimed budget, by the clients' word and by the members' own counts",
        "https://sre.google/sre-book/service-level-objectives/",
        "clients ask at a fixed rate that no slow answer moves; the process of one member is "
        "killed meanwhile, and members tell how many requests they took",
        ("process-kill",),
        budgeted.budget,
    ),
    Guarantee(
        "availability.fake-death",
        "a process that stands still and holds its sockets is noticed, and the member serves "
        "again within a bound",
        "https://kubernetes.io/docs/tasks/configure-pod-container/"
        "configure-liveness-readiness-startup-probes/",
        "the process of one member is stopped under load, and nobody lets it go on",
        ("process-hang",),
        fake_deaths.fake_death,
    ),
    Guarantee(
        "availability.unaccepted",
        "a process that accepts nobody, while its kernel completes connections for it, is noticed, "
        "and the member serves again within a bound",
        "https://kubernetes.io/docs/tasks/configure-pod-container/"
        "configure-liveness-readiness-startup-probes/",
        "the threads of one member that take connections are stopped under load, and nobody lets "
        "them go on",
        ("accept-hang",),
        fake_deaths.unaccepted,
    ),
    Guarantee(
        "availability.deadlock",
        "a process of which a thread stands still with the locks that it holds is noticed, though "
        "it answers whoever needs none of them, and the member serves again within a bound",
        "https://kubernetes.io/docs/tasks/configure-pod-container/"
        "configure-liveness-readiness-startup-probes/",
        "a thread of one member is stopped in the middle of a sync under load, and nobody lets it "
        "go on",
        ("lock-hang",),
        fake_deaths.deadlock,
    ),
    Guarantee(
        "availability.sidecar",
        "when the agent beside a member, in its pod, ends or stands still, the pod and the "
        "member's own container stay, the member goes on acknowledging whoever writes to it, and "
        "the pod is Ready again within a bound",
        "https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/",
        "the agent beside one member is killed, and that beside one is stopped and left so until "
        "somebody ends it, under load",
        ("sidecar-kill", "sidecar-hang"),
        sidecars.sidecar,
    ),
)
