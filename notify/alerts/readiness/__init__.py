"""Whether the channels and zones work, before and while they are needed."""
