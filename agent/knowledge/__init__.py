"""The knowledge file: reading it, finding answers in it."""
