"""Paints the demo's portraits: brushes, light, features, hair, and the descriptions of the people."""
