"""Evaluation material: recordings with transcripts, aligned to words and phonemes."""
