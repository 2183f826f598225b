"""Write an alert: the working draft that several people fill in, its area, its times, and what was said before."""
