"""What became of an alert and of an incident, on screen and as files."""
