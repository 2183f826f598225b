"""Who may act, and as whom: operators, their keys and their sessions."""
