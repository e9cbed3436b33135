"""Picture files as upright sRGB pixels; backgrounds, blending, exposure."""
