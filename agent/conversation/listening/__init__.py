"""How the avatar listens: what it expects to hear, and what it shows and says before there is an answer."""
