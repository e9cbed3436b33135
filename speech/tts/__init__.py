"""Voices: text in, audio chunks with word times out; one file for each backend."""
