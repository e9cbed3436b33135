"""One conversation: hearing, answering, speaking."""
