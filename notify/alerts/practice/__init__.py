"""Exercises, drills and tests to oneself: nothing of them reaches a resident."""
