"""Language models, and the knowledge file as one."""
