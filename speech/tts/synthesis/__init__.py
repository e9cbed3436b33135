"""What makes a voice's sound, mostly inside worker processes."""
