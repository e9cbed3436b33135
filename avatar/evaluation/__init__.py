"""Measures of motion: against real people, against speech, and by models that learned from real people."""
