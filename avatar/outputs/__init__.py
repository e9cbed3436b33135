"""Where the frames and samples go: one file per kind of output."""
