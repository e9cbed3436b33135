"""Benchmarks: a script for each stage, one for the whole program (README, "Measured")."""

import agent  # noqa: F401 - before numpy: it keeps numpy's BLAS from spinning
