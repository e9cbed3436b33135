"""Landmarks placed by hand: the named points, the editor, their file, and the mesh fitted to them."""
