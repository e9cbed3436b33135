"""Microphones and speakers: listing, streams through PortAudio, latency."""
