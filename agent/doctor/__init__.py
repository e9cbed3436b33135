"""What is installed, chosen and missing."""
