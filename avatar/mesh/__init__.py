"""The CPU decoder: layers, displacement fields, mouth, eyes and shading of one portrait under a motion vector."""
