"""Read untrusted files of zones, streets and addresses.

Callers use `quarantine`, which reads a file in a separate process with limits (`reader`, `quarantined`) and gets frames
from it (`frames`). In that process `opening` opens files of shapes, with a module for each format, and `sheets` opens
files of rows. `zonefile` and `rowfile` define the results.
"""
