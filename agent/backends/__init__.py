"""Ears, minds, voices and outputs: one descriptor each, chosen, made and loaded."""
