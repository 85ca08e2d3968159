"""Identity: a member is found by its name wherever it is."""


def test_each_dns_server_tells_the_current_address_after_every_drift(holds):
    holds("identity.dns")
