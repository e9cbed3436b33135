"""Whether lips and sound belong together, as a trained network hears and sees it."""
