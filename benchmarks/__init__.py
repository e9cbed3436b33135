"""One script for each stage, and one for all together; see README, "Measured"."""
