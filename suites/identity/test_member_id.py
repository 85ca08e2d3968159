"""Identity: what a member calls itself is its ordinal's, wherever it runs."""


def test_the_applications_own_id_follows_the_ordinal_across_every_drift(holds):
    holds("identity.member-id")
