"""Identity: a member is who its ordinal says, whatever happened to its pod."""


def test_a_member_has_its_own_name_again_after_every_reschedule(holds):
    holds("identity.hostname")
