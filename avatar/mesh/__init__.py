"""The CPU decoder: one portrait, warped by the motion vector."""
