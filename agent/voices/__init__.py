"""The shipped personas: a portrait, a name and a voice each."""
