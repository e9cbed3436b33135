"""What is kept of people who agreed: small SQLite files, for the user alone, written beside the conversation."""
