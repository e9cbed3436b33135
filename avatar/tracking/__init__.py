"""A video of a person becomes motion: the 60 numbers a frame, and how far they can be trusted."""
