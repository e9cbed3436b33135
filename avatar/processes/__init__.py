"""Pictures and motion made in processes of their own, so that sessions do not wait for one another's Python."""
