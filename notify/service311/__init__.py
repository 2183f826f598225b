"""Collection days and answers for callers: calendars, what holidays do to them, and what residents see of them."""
