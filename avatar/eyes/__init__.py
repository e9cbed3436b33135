"""One eye of a portrait without its motion: where it opens, its skin, its lid when closed, its ball, spectacles."""
