"""Benchmarks: figures beside a baseline measured in the same run. They are not tests and never fail on time."""
