"""Written text as it is read aloud."""
