"""What became of a message, in words."""

import pytest

from notify.subscribers import received_words
from notify.subscribers.received_words import Reader


@pytest.mark.parametrize("reader", ["resident", "agent"])
def test_what_was_stopped_is_not_said_to_be_taken_back(reader: Reader) -> None:
    """The alert goes on elsewhere."""
    assert received_words.became("cancelled", "days-changed", reader) == "It was stopped before it was sent."
    assert "took the alert back" in received_words.became("cancelled", "cancelled", reader)
