"""Text that comes and goes: sentences, tags, words."""
