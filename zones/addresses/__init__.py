"""Addresses: how a text may be read, how streets are called, and where a number stands in its block."""
