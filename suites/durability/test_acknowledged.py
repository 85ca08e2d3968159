"""Durability: what was acknowledged is there."""


def test_no_acknowledged_write_is_lost_or_altered(holds):
    holds("durability.acknowledged")
