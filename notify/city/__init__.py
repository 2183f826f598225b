"""The city's geography: its zones, its map, its addresses, and what an alert's area is made of."""
