//! Black-box suites and checks of the whole repository live in `tests/tests`.
