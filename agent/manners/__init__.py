"""What is done about words that concern the conversation itself, whatever the mind is."""
