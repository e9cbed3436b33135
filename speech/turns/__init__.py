"""Voice activity and turn detection: when speech starts, pauses and stops."""
