"""What runs the installation and what looks after it."""
