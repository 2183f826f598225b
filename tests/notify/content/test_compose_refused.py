"""What cannot be written is refused, with all that is wrong with it."""

from dataclasses import replace
from datetime import datetime

import pytest

from notify.content.compose import catalogue, fill, render
from notify.core.errors import Invalid, NotFound
from tests.notify.content.written import CONTEXT, written


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"area": " "}, "where it is"),
        ({"area": "\u200b"}, "where it is"),
        ({"city": "\u00ad\u2060"}, "who sends it"),
        ({"city": ""}, "who sends it"),
        ({"help_contact": {}}, "whom to ask"),
        ({"area": "River\nside"}, "'area' has a line break"),
    ],
)
def test_no_message_without_source_place_and_contact(changes: dict[str, object], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        written("storm", "issue", "sms", "en", context=replace(CONTEXT, **changes))  # type: ignore[arg-type] # a table of fields
    assert told in " ".join(caught.value.details)


def test_a_time_without_offset_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="aware"):
        replace(CONTEXT, expires_at=datetime(2027, 1, 13, 13))  # noqa: DTZ001 - naive is the point


def test_all_that_cannot_be_written_is_told_at_once() -> None:
    event = catalogue().event("storm")
    filled = fill(event, "issue", {"hazard": "flood"})
    with pytest.raises(Invalid) as caught:
        render(event, "issue", filled, channels=["sms", "voice"], languages=["en", "fr"], context=CONTEXT)
    assert len(caught.value.details) == 2
    with pytest.raises(Invalid, match="filled for storm issue"):
        render(event, "update", filled, channels=["sms"], languages=["en"], context=CONTEXT)


def test_a_text_message_over_1600_characters_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        written("storm", "issue", "sms", "en", context=replace(CONTEXT, area="x" * 1600))
    assert "the most is 1600" in caught.value.details[0]


def test_a_post_over_500_characters_is_refused_but_an_address_counts_23() -> None:
    long = "https://alerts.example.org/" + "a" * 600
    assert long in written("storm", "issue", "social", "en", context=replace(CONTEXT, link=long)).text
    with pytest.raises(Invalid) as caught:
        written("storm", "issue", "social", "en", context=replace(CONTEXT, area="x" * 480))
    assert "the most is 500 on mastodon" in caught.value.details[0]


def test_a_post_is_counted_as_readers_see_it_and_as_its_network_does() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    many = replace(CONTEXT, area=family * 100)
    assert family in written("storm", "issue", "social", "en", context=many).text
    too_many = replace(many, area=family * 200, networks=["mastodon", "bluesky"])
    with pytest.raises(Invalid) as caught:
        written("storm", "issue", "social", "en", context=too_many)
    assert [detail.split()[-1] for detail in caught.value.details] == ["bluesky."]


def test_a_time_that_the_clocks_jump_over_is_refused() -> None:
    with pytest.raises(Invalid, match="clocks jump over it"):
        written("snow", "issue", "sms", "en", {"rule": "odd", "starts": "2027-03-14T02:30"})


def test_unknown_events_and_phases_are_told_with_near_names() -> None:
    with pytest.raises(NotFound, match="Did you mean storm"):
        catalogue().event("strom")
    with pytest.raises(NotFound, match="issue, update, all-clear"):
        catalogue().event("storm").channels("over")
