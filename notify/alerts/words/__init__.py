"""The words of alerts: the city's own versions, and what the check of the words finds."""
