"""Who is at the desk: signing in, one's own account, operators and the duty roster."""
