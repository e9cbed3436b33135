"""The avatar's own voice is taken out of what the microphone hears."""
