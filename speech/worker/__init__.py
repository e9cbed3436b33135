"""Processes of our own for heavy work, and how processes end."""
