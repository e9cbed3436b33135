"""The commands of `visavis`, one file for each kind."""
