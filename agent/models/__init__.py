"""Weights: which there are, where they are, fetching them."""
