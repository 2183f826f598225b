"""Texts from residents: `intent` reads their meaning, `messages` acts on it and writes the reply."""
