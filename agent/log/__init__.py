"""The log: what happened, for whoever looks into it afterwards."""
