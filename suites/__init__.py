"""The questions: each test asserts one verdict of its module's trial."""
