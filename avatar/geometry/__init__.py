"""The face's landmarks, its solid shape, and warping."""
