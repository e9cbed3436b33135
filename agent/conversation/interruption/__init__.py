"""How a turn is interrupted: its steps, what an utterance means for it, and places that a hold moves."""
