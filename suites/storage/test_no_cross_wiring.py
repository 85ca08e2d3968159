"""Storage: nobody is given another's disk."""


def test_every_member_finds_its_own_disk_after_all_pods_were_deleted_at_once(holds):
    holds("storage.no-cross-wiring")
