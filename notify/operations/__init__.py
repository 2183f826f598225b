"""Running an installation: workers, the scheduler and its jobs, heartbeats, checks, key rotation and restores."""
