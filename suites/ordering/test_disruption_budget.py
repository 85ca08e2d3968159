"""Ordering: who takes members away must leave enough of them."""


def test_evictions_of_everybody_at_once_take_no_more_than_the_budget_allows(holds):
    holds("ordering.disruption-budget")
