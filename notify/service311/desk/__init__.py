"""The agent's desk: who calls, what the city has told them, and what they want changed."""
