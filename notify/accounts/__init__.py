"""Operators, their roles, their API keys and their sessions at the console."""
