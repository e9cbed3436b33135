"""Files: sound, video and what the program writes."""
