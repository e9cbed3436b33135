"""Whether feelings can be seen while somebody speaks: drawn, tracked, and told apart by a small classifier."""
