"""Feelings as they show: the faces of emotions, how they come and go, and how they go together with speech."""
