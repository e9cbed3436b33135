"""Measures of a decoder: commanded motion against what MediaPipe finds; flicker, seams, folds."""
