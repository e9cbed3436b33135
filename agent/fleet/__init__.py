"""The web page on many machines: Ray Serve starts replicas of it, finds each visitor's, and replaces those that die."""
