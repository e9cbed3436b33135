"""Landmarks placed by hand, for faces that MediaPipe does not find: the points, their file, the mesh made of them."""
