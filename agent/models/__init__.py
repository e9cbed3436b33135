"""Model weights: the catalogue, where they are on disk, downloading and checking them."""
