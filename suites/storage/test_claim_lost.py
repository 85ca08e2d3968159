"""Storage: a claim that was lost and made again is not taken for the old one."""


def test_a_member_on_an_empty_disk_is_not_ready_before_it_has_its_own_again(holds):
    holds("storage.claim-lost")
