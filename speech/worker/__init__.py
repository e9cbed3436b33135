"""Worker processes for heavy work: messages, priority, signals, clean ends."""
