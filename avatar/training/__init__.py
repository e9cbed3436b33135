"""Training of the motion sampler: synthetic and real scenes, batches, objective, the training loop."""
