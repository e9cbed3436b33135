"""What each mouth shape asks for, and how neighbouring shapes blend."""
