"""Pictures drawn in processes of their own, so that sessions don't wait for one another's Python."""
