"""The doorway of Chaos Toolkit: what an experiment file may name, and how one is run.

`activities` holds the actions and probes, `control` begins and ends the trial around them,
`experiments` reads and checks the files, `drilling` runs one as a child process.
"""
