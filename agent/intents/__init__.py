"""What the user wants of the conversation itself, whatever the mind is."""
