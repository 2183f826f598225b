"""Snow emergencies: where cars may stand, on which side, and from when to when."""
