"""One script for each stage, and one for all together; see README, "Measured"."""

import agent  # noqa: F401 - before numpy: it keeps numpy's BLAS from spinning
