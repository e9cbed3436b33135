"""Evaluations as people and machines read them: tables, plots, files, and what changed since an earlier one."""
