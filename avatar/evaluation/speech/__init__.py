"""What is evaluated: speech with its words and phonemes."""
