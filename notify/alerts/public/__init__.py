"""What the public can check and read of launched alerts: signed statements, the archive."""
