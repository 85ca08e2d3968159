"""How the tests behave on any machine; no fixtures, they come with seatrial's plugin.

May import: hypothesis.
"""

from __future__ import annotations

from hypothesis import Phase, settings

# How long one example takes says something of the machine's load, not of what is tested.
settings.register_profile("any machine", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=20_000)
# Whether a mutant is noticed must not hang on chance, and nobody reads the smallest example.
settings.register_profile(
    "mutants",
    deadline=None,
    max_examples=30,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("any machine")
