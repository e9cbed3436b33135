"""Which voices there are, and whose."""
