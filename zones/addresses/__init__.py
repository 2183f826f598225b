"""Addresses: read a text as an address (`readings`), compare street names (`streets`, `index`), place a house number on
its block (`ranges`) and read files of them (`files`)."""
