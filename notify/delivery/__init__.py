"""How messages leave, and what providers say of them. The rest of it still stands in `pipeline`."""
