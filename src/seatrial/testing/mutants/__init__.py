"""The judges changed in one place at a time, and whether any test notices: `make mutants`.

mutmut makes the mutants and keeps what became of each; `made` lets it, `tried` runs the tests that
reach a mutant in a fork of one pytest that has collected them already, `told` reads the outcome.
How to read and go on: docs/mutants.md.
A doorway: may import everything.
"""
