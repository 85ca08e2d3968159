"""What is said of calls and visits that nobody answered."""

from __future__ import annotations

import pytest

from seatrial.checks.unheard import hint, tally

SLICES = "kubectl get endpointslices -l kubernetes.io/service-name=shop"
TOLD = "was shop told the right address and port? It answers for members that do not answer it"
NAME = "is there a Service shop, and if it is headless, an endpoint of it?"


def test_the_three_most_frequent_ends_are_counted_those_that_came_first_before_equals():
    ends = ["reset", *["refused"] * 3, "HUNG", "HUNG", "late", "reset"]
    assert tally(ends) == "3 x refused, 2 x reset, 2 x HUNG"
    assert tally([]) == ""


@pytest.mark.parametrize(
    ("last", "look"),
    [
        ("status 503", f"{TOLD}: kubectl logs of its pods"),
        ("no healthy upstream, refused", f"{TOLD}: kubectl logs of its pods"),
        ("status 500", f"{SLICES}, and kubectl logs of its pods"),
        (
            "connection refused",
            f"does anybody listen at the targetPort of shop? {SLICES}",
        ),
        ("gaierror: -2", f"{NAME} {SLICES}"),
        ("DNS resolution failed", f"{NAME} {SLICES}"),
        ("HUNG", f"{SLICES}, and kubectl logs of its pods"),
    ],
)
def test_where_to_look_follows_from_the_last_answer(last, look):
    for to in ("shop:8080", "shop"):
        assert hint(to, last) == f"try: {look} (with --keep on-failure)"
