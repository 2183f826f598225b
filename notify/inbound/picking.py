"""Read which of some numbered choices an answer picks."""

from notify.inbound.commands import own_text, plain
from notify.inbound.phrases import normalized

_CHOICES = {
    "one": 1,
    "first": 1,
    "uno": 1,
    "primero": 1,
    "primera": 1,
    "two": 2,
    "second": 2,
    "dos": 2,
    "segundo": 2,
    "segunda": 2,
    "three": 3,
    "third": 3,
    "tres": 3,
    "tercero": 3,
    "tercera": 3,
}
_ABOUT_CHOICES = frozenset(
    "number numero no option opcion the el la los las its is es please por favor".split()  # noqa: SIM905  a list of words
)


def choice(text: str) -> int | None:
    """Return the number that a text chooses: "2", "#2", "number 2 please", "the second one"."""
    words = normalized(plain(own_text(text))).split()
    if len(words) > 1 and "one" in words[1:]:  # the second one
        words.remove("one")
    found = [int(word) if word.isdecimal() and len(word) == 1 else _CHOICES.get(word) for word in words]
    numbers = [number for number in found if number is not None]
    strange = [word for word, number in zip(words, found, strict=True) if number is None]
    return numbers[0] if len(numbers) == 1 and _ABOUT_CHOICES.issuperset(strange) else None
