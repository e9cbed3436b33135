"""What the person intends to do: where to look, how to hold the head, when to blink, nod and raise the brows."""
