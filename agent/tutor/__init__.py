"""Lessons: the avatar asks, listens, corrects by meaning, and remembers how far a learner is."""
