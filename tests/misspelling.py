"""Addresses with errors planted in them, as people make them; by a seed. The digits stay: without them nobody knows."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from zones.addresses.streets import street_name
from zones.addresses.words import DIRECTIONS, TYPES

KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
LONG = {"N": "North", "S": "South", "E": "East", "W": "West"} | {
    "NE": "Northeast", "NW": "Northwest", "SE": "Southeast", "SW": "Southwest",
}  # fmt: skip
TENS = {2: "TWENTY", 3: "THIRTY", 4: "FORTY", 5: "FIFTY", 6: "SIXTY", 7: "SEVENTY"}
ONES = ("", "FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH", "SEVENTH", "EIGHTH", "NINTH")


@dataclass
class Written:
    """An address as it is being written."""

    number: str
    before: str
    name: str
    kind: str
    after: str
    ahead: str = ""
    unit: str = ""
    behind: str = ""

    @property
    def text(self) -> str:
        parts = (self.ahead, self.number, self.before, self.name, self.kind, self.after, self.unit, self.behind)
        return " ".join(part for part in parts if part)


def misspelt(number: str, street: str, city: str, zip_code: str, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """The address with one or two errors, and their names. `street` as the city writes it: N 5TH ST."""
    written = _taken_apart(number, street)
    done: list[str] = []
    wanted = rng.choice((1, 2))
    while len(done) < wanted:
        name = rng.choice(list(ERRORS))
        if name not in done and ERRORS[name](written, rng, city, zip_code):
            done.append(name)
    text = written.text
    return (text if "lower case" in done or rng.random() < 0.5 else text.title()), tuple(done)


def _taken_apart(number: str, street: str) -> Written:
    words, name = street.split(), street_name(street)
    before = words.pop(0) if name.before else ""
    after = words.pop() if name.after else ""
    kind = words.pop() if name.kind else ""
    return Written(number, before, " ".join(words), kind, after)


def _letter(change: Callable[[str, int, random.Random], str]) -> Callable[[Written, random.Random, str, str], bool]:
    """An error in one letter of the street, its type and direction included."""

    def plant(written: Written, rng: random.Random, _city: str, _zip: str) -> bool:
        parts = [part for part in ("before", "name", "kind", "after") if any(map(str.isalpha, getattr(written, part)))]
        places = [(part, i) for part in parts for i, c in enumerate(getattr(written, part)) if c.isalpha()]
        part, i = rng.choice(places)
        word = getattr(written, part)
        changed = change(word, i, rng)
        setattr(written, part, changed)
        return changed != word

    return plant


def _swap(word: str, i: int, _rng: random.Random) -> str:
    if i + 1 == len(word) or not word[i + 1].isalpha():
        return word
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _neighbour(word: str, i: int, rng: random.Random) -> str:
    row = next((row for row in KEYS if word[i].lower() in row), "")
    near = [row[k] for k in (row.find(word[i].lower()) - 1, row.find(word[i].lower()) + 1) if 0 <= k < len(row)]
    return word[:i] + rng.choice(near).upper() + word[i + 1 :] if near else word


def _no_type(written: Written, *_: object) -> bool:
    had, written.kind = written.kind, ""
    return bool(had)


def _other_type(written: Written, rng: random.Random, *_: object) -> bool:
    """Another way to write it: Avenue, Av, Ave."""
    short = TYPES.get(written.kind.upper())
    forms = [word for word, kind in TYPES.items() if kind == short and word != written.kind.upper()]
    if forms:
        written.kind = rng.choice(forms[:3])
    return bool(forms)


def _no_direction(written: Written, *_: object) -> bool:
    had, written.before, written.after = written.before + written.after, "", ""
    return bool(had)


def _long_direction(written: Written, *_: object) -> bool:
    had = (written.before, written.after)
    written.before, written.after = (LONG.get(DIRECTIONS.get(d, ""), d) for d in had)
    return (written.before, written.after) != had


def _ordinal(written: Written, rng: random.Random, *_: object) -> bool:
    number = int(street_name(written.name).core) if street_name(written.name).core.isdecimal() else 0
    if not 0 < number < 70 or not written.name[-1].isalpha():
        return False
    ten, one = divmod(number, 10)
    word = ONES[number] if number < 10 else f"{TENS[ten]}-{ONES[one]}" if ten > 1 and one else ""
    written.name = rng.choice([form for form in (word, f"{number} {written.name[len(str(number)) :]}") if form])
    return True


def _unit(written: Written, rng: random.Random, *_: object) -> bool:
    written.unit = written.unit or rng.choice(("apt 5", "Apt. 2B", "#3", "unit 12", ", Suite 400", "2nd floor", "fl 3"))
    return True


def _zip_ahead(written: Written, _rng: random.Random, _city: str, zip_code: str) -> bool:
    if written.behind or not zip_code:
        return False
    written.ahead = zip_code
    return True


def _behind(written: Written, rng: random.Random, city: str, zip_code: str) -> bool:
    if written.ahead or written.behind or not (city and zip_code):
        return False
    written.behind = rng.choice((zip_code, f", {city}, {zip_code}", f"{city} {zip_code}", city))
    return True


def _punctuation(written: Written, rng: random.Random, *_: object) -> bool:
    if written.kind:
        written.kind += rng.choice((".", ","))
    elif written.before:
        written.before += "."
    return bool(written.kind or written.before)


ERRORS: dict[str, Callable[[Written, random.Random, str, str], bool]] = {
    "swapped letters": _letter(_swap),
    "dropped letter": _letter(lambda word, i, _: word[:i] + word[i + 1 :] if len(word) > 1 else word),
    "doubled letter": _letter(lambda word, i, _: word[: i + 1] + word[i:]),
    "neighbouring key": _letter(_neighbour),
    "no type": _no_type,
    "other type": _other_type,
    "no direction": _no_direction,
    "long direction": _long_direction,
    "ordinal": _ordinal,
    "unit": _unit,
    "zip ahead": _zip_ahead,
    "city behind": _behind,
    "lower case": lambda *_: True,
    "punctuation": _punctuation,
}
