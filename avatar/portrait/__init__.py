"""From a picture file to a portrait that can be animated."""
