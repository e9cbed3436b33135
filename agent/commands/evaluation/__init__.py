"""Commands that measure how good the motion and the drawing are."""
