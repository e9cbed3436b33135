"""Flow matching: solvers, and the base noise that they start from."""
