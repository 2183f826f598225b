"""Notices: what a holiday or a storm does to collections, told to those whose days change and to nobody else."""
