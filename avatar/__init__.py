"""The face: portrait, motion sampler, decoder, and the outputs that show it."""
