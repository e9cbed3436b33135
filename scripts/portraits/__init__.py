"""Paints the demo's portraits: brushes, light, features, hair, and the people's descriptions."""
