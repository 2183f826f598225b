"""Reminders the evening before a collection, for residents who ask: what is due, its words, and what corrects them."""
