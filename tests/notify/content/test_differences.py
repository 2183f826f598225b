"""Word by word, what is new and what is gone."""

import pytest

from notify.content.differences import Piece, compare, differ, unlike


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        (
            "Wind until 5 PM.",
            "Wind until 6 PM.",
            [("same", "Wind until "), ("old", "5"), ("new", "6"), ("same", " PM.")],
        ),
        ("Stay in.", "Stay in. Now.", [("same", "Stay in."), ("new", " Now.")]),
        ("Stay in. Now.", "Stay in.", [("same", "Stay in."), ("old", " Now.")]),
        ("One\nline", "One line", [("same", "One line")]),
        ("", "All of it", [("new", "All of it")]),
        ("Viento año", "Viento ano", [("same", "Viento "), ("old", "año"), ("new", "ano")]),
    ],
)
def test_the_pieces_in_the_order_of_reading(old: str, new: str, pieces: list[tuple[str, str]]) -> None:
    found = compare(old, new)
    assert found == [Piece(*one) for one in pieces]  # type: ignore[arg-type]
    assert "".join(one.words for one in found if one.kind != "old") == new
    assert differ(found) == any(kind != "same" for kind, _ in pieces)


@pytest.mark.parametrize(
    ("old", "new", "too_little"),
    [
        ("Wind until 5 PM.", "Wind until 6 PM.", False),
        ("Stay away from the river today.", "Boil the water before you drink it.", True),
        ("one two three", "one four five", False),  # two words of six are a third
        ("one two three four", "one five six seven", True),
        ("", "There was no such message", False),
    ],
)
def test_texts_with_little_in_common_are_not_compared_word_by_word(old: str, new: str, too_little: bool) -> None:
    assert unlike(compare(old, new)) == too_little
