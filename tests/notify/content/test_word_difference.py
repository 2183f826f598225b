"""The difference between two texts, in words."""

import pytest

from notify.content.word_difference import difference


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("Go inside now.", "Go inside now.", "Go inside now."),
        ("Go inside now.", "Go home now.", "Go [inside>home] now."),
        ("{{ city }}: {{ area }}", "{{ city }}: {{ hazard.harm }}", "{{ city }}: [{{ area }}>{{ hazard.harm }}]"),
        ("{% if a %}x{% endif %}", "x", "[{% if a %}>]x[{% endif %}>]"),
        ("", "New.", "[>New.]"),
        ("a\n\nb", "a\nb", "a[\n\n>\n]b"),
    ],
)
def test_words_that_differ_are_marked(before: str, after: str, shown: str) -> None:
    found = "".join(
        {"same": text, "removed": f"[{text}>]", "added": f"[>{text}]"}[kind] for kind, text in difference(before, after)
    )
    assert found.replace(">][>", ">") == shown


def test_both_texts_can_be_read_from_it() -> None:
    before, after = "Stay away from wires, now! Go home.", "Stay home. Do not go near wires!"
    pieces = difference(before, after)
    assert "".join(text for kind, text in pieces if kind != "added") == before
    assert "".join(text for kind, text in pieces if kind != "removed") == after
