"""The page of an alert, from its review to its report."""
