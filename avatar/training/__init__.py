"""Training data and training of the motion sampler."""
