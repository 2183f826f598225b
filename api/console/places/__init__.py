"""The city on a map, and its zones."""
