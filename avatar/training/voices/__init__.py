"""Voices to train on: each says a text and knows from its own durations when which phoneme is heard."""
