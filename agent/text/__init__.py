"""Streamed reply text: cutting out sentences, emotion tags, reasoning; how English words sound and compare."""
