"""Posts on Bluesky."""
