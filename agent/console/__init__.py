"""What a terminal shows and reads, and the files written beside a conversation."""
