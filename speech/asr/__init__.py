"""Recognisers (Whisper, PocketSphinx): sound of a turn in, interim and final transcripts out."""
