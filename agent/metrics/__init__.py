"""Numbers of conversations for whoever watches the program: Prometheus, and nothing that says who or what."""
