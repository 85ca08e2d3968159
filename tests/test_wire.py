"""What the API server sends is decoded by many threads at once."""

import subprocess
import sys

CHILD = """
import sys, threading
from seatrial.kube import objects, wire

sys.setswitchinterval(1e-6)
TEXT = b'{"metadata": {"name": "a"}, "spec": {"within": [{"name": "v"}]}}'
KINDS = '''
class Meta(Struct):
    name: str = ""

class Spec(Struct):
    within: list[Meta] = []

class One(Struct):
    metadata: Meta
    spec: Spec

class Other(Struct):
    metadata: Meta
'''

def first(struct, barrier):
    barrier.wait()
    assert wire.decoded(TEXT, struct, "one").metadata.name == "a"

for _ in range(100):
    known = {"Struct": objects.Struct, "__name__": "__main__"}
    exec(KINDS, known)
    globals().update(known)
    barrier = threading.Barrier(4)
    structs = [known[name] for name in ("One", "Other", "One", "Other")]
    threads = [threading.Thread(target=first, args=(one, barrier)) for one in structs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_that_meet_a_kind_for_the_first_time_at_once_do_not_end_the_process():
    """With msgspec 0.22 a process ends when two learn of one Struct, as watches would."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
