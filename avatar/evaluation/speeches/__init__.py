"""A few sentences in as many natural voices, drawn frame by frame with their phonemes, to be looked at."""
