"""A picture file becomes a portrait: orientation, face detection, crop, matte, landmark checks, cache."""
