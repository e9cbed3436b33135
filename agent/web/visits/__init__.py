"""Visitors and their conversations: who is in, who waits, who may come back."""
