"""One conversation: events, turns, history, and the session that hears, answers and speaks."""
