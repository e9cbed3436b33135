"""The face: portrait, motion sampler (sound to 60 numbers a frame), decoder (numbers to pictures), outputs."""
