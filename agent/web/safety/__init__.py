"""Who may reach the server, and how much they may ask of it."""
