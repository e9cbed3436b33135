"""A video of a person becomes motion: 60 numbers a frame and a confidence for each frame."""
