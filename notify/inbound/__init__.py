"""What residents write to us: what they mean, and what becomes of it."""
