"""Compose: working drafts and the alert that is made of one."""
