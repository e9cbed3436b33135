"""Two-tower models that score lip sync and head motion: windows, training, scores."""
