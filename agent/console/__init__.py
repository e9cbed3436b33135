"""The terminal (keys, streams, waterfall of a turn) and files beside a conversation: transcripts, subtitles."""
