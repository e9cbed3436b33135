"""The choice of a voice by configuration and language, and the shipped personas."""
