"""Where a web address ends, and that no full stop is glued to one."""

import pytest

from notify.content.links import END_OF_VALUE, close_sentences, replace_urls


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("See https://x.org/s.", "See U."),
        ("(https://x.org/s)", "(U)"),
        ("https://x.org/a_(b)!", "U!"),
        ("https://x.org/?q=1&r=2, then", "U, then"),
        ("\u00abhttps://x.org\u00bb https://y.org/#top", "\u00abU\u00bb U"),
        ("HTTPS://X.ORG/A?", "U?"),
        ("no address: http:// and x.org", "no address: http:// and x.org"),
        ("https://...", "https://..."),
    ],
)
def test_an_address_ends_before_punctuation(text: str, replaced: str) -> None:
    assert replace_urls(text, lambda url: "U") == replaced


@pytest.mark.parametrize(
    ("value", "closed"),
    [
        ("Go inside", "Go inside. Now"),
        ("Go inside!", "Go inside! Now"),
        ("Is it out?", "Is it out? Now"),
        ("They said \u201cgo!\u201d", "They said \u201cgo!\u201d Now"),
        ("Washington St.", "Washington St. Now"),
        ("See https://x.org/s", "See https://x.org/s Now"),
        ("www.x.org", "www.x.org Now"),
        ("phila.gov/311", "phila.gov/311 Now"),
        ("ask phila.gov", "ask phila.gov. Now"),
        ("and/or", "and/or. Now"),
    ],
)
def test_a_value_gets_one_full_stop_or_none(value: str, closed: str) -> None:
    assert close_sentences(f"{value}{END_OF_VALUE}. Now") == closed


def test_a_number_after_a_value_keeps_its_point() -> None:
    assert close_sentences(f"1{END_OF_VALUE}.5 miles") == "1.5 miles"
