"""HTML: for residents, and the operators' console."""
