"""Whom an alert reaches, and why the others are left out. Reads only."""
