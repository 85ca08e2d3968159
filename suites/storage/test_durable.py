"""Storage: what was acknowledged outlives the end of a process and of a pod."""


def test_what_was_acknowledged_outlives_a_killed_process_and_a_deleted_pod(holds):
    holds("storage.durable")
