"""What is inside a mouth: its colours, its parts as paintings, and how they lie together in one frame."""
