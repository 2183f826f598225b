"""The words of an alert: the catalogue in `templates/messages`, the blanks that an operator fills in, and the messages
rendered from both for each channel and language."""
