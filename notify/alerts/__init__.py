"""Alerts as operators see them: drafting, times, approval, launch and stop, explanations and reports."""
