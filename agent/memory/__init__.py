"""What people asked to have remembered: kept only where that is switched on, said and forgotten when they ask."""
