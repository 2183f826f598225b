"""An alert as operators see it: drafted, approved, launched, stopped, explained and reported on."""
