"""The sound: reading, voice activity, recognition and synthesis."""
