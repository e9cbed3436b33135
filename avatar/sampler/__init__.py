"""Sound to motion."""
