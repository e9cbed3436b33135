"""The voices' engines, mostly run in worker processes: networks, phonemes, word times, loudness."""
