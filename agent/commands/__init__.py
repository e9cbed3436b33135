"""The commands of `visavis`: a file for each, with its arguments, its messages and what it calls."""
