"""Outages as residents live them: what is told when, and to whom."""
