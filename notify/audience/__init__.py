"""Resolve the audience of an alert: which contacts it reaches, and the reason for each one left out. Reads only."""
