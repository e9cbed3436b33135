"""How true and how clean drawn faces are."""
