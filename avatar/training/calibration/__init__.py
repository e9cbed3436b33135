"""The rule's numbers fitted to the tracked mouths of people, and checked on people that they were not fitted to."""
