"""Split an address as people write it into house number, street, unit, ZIP code and the rest.

If the words can be read in several ways, all of them are returned; `index` decides by the streets that exist.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from zones.addresses.streets import StreetName, street_name, words_of
from zones.addresses.words import ALONE, DIRECTIONS, LONG_DIRECTIONS, NUMBER_WORDS, TYPES, UNITS

MOST_WORDS = 14  # words read of a street and of what follows it
MISSPELT_DIRECTION = 0.06
LETTER_APART = 0.10  # 1234 A 5th St: the letter is more likely a misspelt direction
UNIT_OR_NOT = 0.31  # 1231/2 and 100/2: unit and number, or something else; enough doubt that it is never certain
WIDEST_RANGE = 98  # 100-198 may be one house with many numbers; 37-12 in Queens is one number

_NUMBER = re.compile(r"(?:(\d{1,6})/)?(\d{1,6})(?:-(\d{1,6}))?([A-Z])?")
_GRID = re.compile(r"([NSEW]\d{1,4}[NSEW])(\d{1,6})")  # N95W18000: 180 blocks west on the grid, at 95 north
_GRID_SUFFIX = re.compile(r"[NSEW]\d{1,4}[NSEW]")
_HYPHEN = re.compile(r"-(\d+)")
_FRACTION = re.compile(r"\d/\d")
_JOINED = re.compile(r"(\d{1,6})([13]/[248]|[12]/3)")  # 1231/2: a space is missing
_ZIP = re.compile(r"(\d{5})(?:-\d{4})?")
_UNIT_IN_ONE = re.compile(r"(APT|UNIT|STE|RM|FL)(\d+[A-Z]?)")
_CROSSING = {"&", "AND", "AT"}
_MAYBE_CROSSING = {"X", "Y"}  # Broad x Vine, Ocho y Main; but they are also names of streets
_NO_NAMES = {*TYPES, *DIRECTIONS}
_BESIDE = {"N": "BMHJ", "S": "ADZX", "E": "R34", "W": "Q2"}  # on the keyboard


@dataclass(frozen=True, slots=True)
class HouseNumber:
    """A number and its suffix: `A`, `1/2`, `-125` of 123-125, `-07` of 2801-07, `-12` of 37-12 in Queens. For a number
    on a grid, `suffix` is the part before it: `N95W` of N95W18000."""

    number: int
    suffix: str = ""

    def __str__(self) -> str:
        if self.is_of_grid:
            return f"{self.suffix}{self.number}"
        return f"{self.number}{' ' if '/' in self.suffix else ''}{self.suffix}"

    @property
    def is_of_grid(self) -> bool:
        return _GRID_SUFFIX.fullmatch(self.suffix) is not None

    @property
    def is_hyphened(self) -> bool:
        return self.suffix.startswith("-")

    @property
    def last(self) -> int:
        """The highest number of a range: 2807 of 2801-07. Of any other number, the number itself."""
        found = _HYPHEN.match(self.suffix)
        if found is None:
            return self.number
        to, own = found[1], str(self.number)
        last = int(own[: max(len(own) - len(to), 0)] + to)
        several = 0 < last - self.number <= WIDEST_RANGE and (last - self.number) % 2 == 0
        return last if several else self.number


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read an address. `tail`: words after the street; `doubt`: how unlikely this reading is, from 0 to 1.

    `misspelt` is a word that may be the street type. `stray` is a letter that may be a misspelt direction or belong to
    the number, and `leaning` is the direction that it most likely stands for.
    """

    number: HouseNumber | None
    street: StreetName
    unit: str = ""
    zip: str = ""
    tail: tuple[str, ...] = ()
    behind_comma: tuple[str, ...] = ()
    misspelt: str = ""
    leaning: str = ""
    stray: str = ""
    doubt: float = 0.0


def readings(text: str) -> tuple[Reading, ...]:
    """Return all ways to read a text that is not a crossing. Without a house number it is read as a street."""
    found: list[Reading] = []
    for words, zip_code in _without_zip(words_of(text)):
        words, unit = _without_unit(words)
        for number, unit_before, rest, doubt in _numbers(words):
            found += _streets(number, rest, unit or unit_before, zip_code, doubt)
    return tuple(dict.fromkeys(found))


def crossing(text: str) -> tuple[tuple[Reading, ...], tuple[Reading, ...]] | None:
    """Return the two streets of a crossing such as `Broad St & Vine St`, or None."""
    words = words_of(text)
    for prefix in (["CORNER", "OF"], ["INTERSECTION", "OF"]):
        words = words[2:] if words[:2] == prefix else words
    for i, word in enumerate(words):
        if word in _CROSSING and 0 < i < len(words) - 1:
            return _both(words[:i], words[i + 1 :])
    for i, word in enumerate(words):
        if word in _MAYBE_CROSSING and _names_a_street(words[:i]) and _names_a_street(words[i + 1 :]):
            return _both(words[:i], words[i + 1 :])
    return None


def _both(first: list[str], second: list[str]) -> tuple[tuple[Reading, ...], tuple[Reading, ...]] | None:
    one, other = (tuple(_streets(None, part)) for part in (first, second))
    return (one, other) if one and other else None


def _names_a_street(words: list[str]) -> bool:
    """Return whether words name a street: more than a type and single letters, as before the Y of `N Y Ave`."""
    return any(
        (len(word) > 2 or word[0].isdecimal()) and word not in TYPES and word not in DIRECTIONS for word in words
    )


def house_number(text: str) -> HouseNumber | None:
    """Read a house number from a file of addresses, or return None."""
    if text.isascii() and text.isdecimal():
        return HouseNumber(int(text)) if len(text) < 7 else None
    if text.upper() in NUMBER_WORDS:
        return HouseNumber(NUMBER_WORDS[text.upper()])
    number = _number(_apart(words_of(text)))
    if number is None:
        return None
    house, _, rest = number
    if len(rest) == 1 and len(rest[0]) == 1 and rest[0].isalpha() and not house.suffix:
        return HouseNumber(house.number, rest[0])
    return None if rest else house


def begun(text: str) -> tuple[HouseNumber | None, str]:
    """Return the house number and the beginning of the street, of an address that is still being typed."""
    number = _number(_apart(words_of(text)))
    return (None, text) if number is None else (number[0], " ".join(number[2]))


def zip_code(text: str) -> str:
    """Return the five digits of a ZIP code, or ""."""
    found = _ZIP.match(text.strip())
    return found[1] if found else ""


def _without_zip(words: list[str]) -> Iterator[tuple[list[str], str]]:
    """Yield the words without a leading or trailing ZIP code, and the code."""
    for i in range(len(words) - 1, 1, -1):
        found = _ZIP.fullmatch(words[i])
        if found and any(word.isalpha() for word in words[:i]) and not any(w[0].isdecimal() for w in words[i + 1 :]):
            yield [*words[:i], *words[i + 1 :]], found[1]
            return
    front = _ZIP.fullmatch(words[0]) if words else None
    rest = words[2:] if words[1:2] == [","] else words[1:]
    if front and rest and rest[0][0].isdecimal() and _NUMBER.fullmatch(rest[0]):
        yield rest, front[1]
    yield words, ""


def _without_unit(words: list[str]) -> tuple[list[str], str]:
    """Return the words without `Apt 5`, `#5`, `2nd floor` or `rear`, and the unit. A comma takes the unit's place."""
    for i, word in enumerate(words):
        following = words[i + 1] if i + 1 < len(words) else ""
        if word == "#" or (word in UNITS and (following == "#" or is_unit(word, following))):
            end = i + (3 if following == "#" else 2)
            return _cut(words, i, end), " ".join(w for w in words[i:end] if w != "#")
        if (joined := _UNIT_IN_ONE.fullmatch(word)) and i > 1:
            return _cut(words, i, i + 1), joined[2]
        floor = word.endswith("th") and following in {"FL", "FLR", "FLOOR"}
        if i > 1 and floor and words[i - 1] not in DIRECTIONS:
            return _cut(words, i, i + 2), word.removesuffix("th")
        if i > 1 and word in ALONE and following in {"", ","} and words[i - 1] not in DIRECTIONS:
            return _cut(words, i, i + 1), word
    return words, ""


def is_unit(word: str, following: str) -> bool:
    """Return whether a word of UNITS means a unit, judging by the word that follows."""
    if word in {"STE", "FL", "LOT", "SPACE", "BUILDING", "FLOOR", "ROOM"}:  # words with other meanings
        return following.isdecimal() and len(following) < 5
    return bool(following) and (len(following) < 3 or any(c.isdecimal() for c in following)) and following != ","


def _cut(words: list[str], start: int, end: int) -> list[str]:
    return words[end:] if start == 0 else [*words[:start], ",", *words[end:]]


def _numbers(words: list[str]) -> Iterator[tuple[HouseNumber | None, str, list[str], float]]:
    """Yield (number, unit before it, other words, doubt)."""
    words = words[1:] if words[:1] == [","] else words
    number = _number(_apart(words))
    if number is None:
        if len(words) > 2 and words[0] in NUMBER_WORDS:
            yield HouseNumber(NUMBER_WORDS[words[0]]), "", words[1:], 0.0
        yield None, "", words, 0.0
        return
    house, unit, rest = number
    yield house, unit, rest, UNIT_OR_NOT if unit and int(unit) >= house.number else 0.0
    if _apart(words) != words and (other := _number(words)):
        yield *other, UNIT_OR_NOT
    if not house.suffix and len(rest) > 2 and len(rest[0]) == 1 and rest[0].isalpha() and rest[0] not in DIRECTIONS:
        yield HouseNumber(house.number, rest[0]), unit, rest[1:], LETTER_APART


def _apart(words: list[str]) -> list[str]:
    joined = _JOINED.fullmatch(words[0]) if words else None
    return [*joined.groups(), *words[1:]] if joined else words


def _number(words: Sequence[str]) -> tuple[HouseNumber, str, list[str]] | None:
    if words and (on_grid := _GRID.fullmatch(words[0])):
        return HouseNumber(int(on_grid[2]), on_grid[1]), "", list(words[1:])
    found = _NUMBER.fullmatch(words[0]) if words else None
    if found is None:
        return None
    unit, number, to, letter = found.groups()
    rest, suffix = list(words[1:]), (f"-{to}" if to else "") + (letter or "")
    if rest and _FRACTION.fullmatch(rest[0]):
        suffix = rest.pop(0)
    if rest[:1] == [","]:
        rest.pop(0)
    return HouseNumber(int(number), suffix), unit or "", rest


def _streets(
    number: HouseNumber | None, words: list[str], unit: str = "", zip_code: str = "", doubt: float = 0.0
) -> Iterator[Reading]:
    """Yield a reading for each beginning of the words that may be the street. The rest is its city, or unknown."""
    comma = words.index(",") if "," in words else len(words)
    behind = tuple(word for word in words[comma:] if word != ",")
    for phrase, leaning, stray, misspelt in _directed(words[:comma][:MOST_WORDS]):
        for end in range(len(phrase), 0, -1):
            part, tail = phrase[:end], tuple(phrase[end:])
            about = (number, unit, zip_code, tail, behind, leaning, stray, doubt + misspelt)
            yield _reading(street_name(part), *about)
            if end > 1 and part[-1] in TYPES:
                yield _reading(street_name(part, typed=False), *about)
            elif end > 1 and _may_be_type(part[-1]):
                yield _reading(street_name(part[:-1], typed=False), *about, misspelt=part[-1])
            elif end > 2 and part[-1] in DIRECTIONS and _may_be_type(part[-2]):
                bare = street_name(part[:-2], typed=False)
                street = StreetName(bare.before, bare.name, "", DIRECTIONS[part[-1]])
                yield _reading(street, *about, misspelt=part[-2])


def _reading(
    street: StreetName, number: HouseNumber | None, unit: str, zip_code: str, tail: tuple[str, ...],
    behind: tuple[str, ...], leaning: str, stray: str, doubt: float, misspelt: str = "",
) -> Reading:  # fmt: skip
    return Reading(number, street, unit, zip_code, tail, behind, misspelt, leaning, stray, doubt)


def _directed(words: list[str]) -> Iterator[tuple[list[str], str, str, float]]:
    """Yield (words, leaning, stray, doubt): the words as they are, then with a misspelt direction corrected or cut."""
    yield words, "", "", 0.0
    if len(words) < 2 or words[0] in DIRECTIONS:
        return
    word, rest = words[0], words[1:]
    meant = _meant(word)
    if word[0].isdecimal():  # stray digits are not a typing error
        if word.isdecimal():
            yield rest, "", "", UNIT_OR_NOT
    elif len(word) == 1:
        if not rest[0][0].isdecimal() or word != "I":  # I 35 is not 35th Street
            yield rest, meant, word, MISSPELT_DIRECTION
    elif meant:
        yield [meant, *rest], "", "", MISSPELT_DIRECTION
    elif len(word) > 2:
        near = process.extract(word, LONG_DIRECTIONS, scorer=OSA.distance, score_cutoff=1 if len(word) < 6 else 2)
        if near:
            clear = len(near) == 1 or near[0][1] < near[1][1]  # `est` is East as well as West
            yield ([DIRECTIONS[near[0][0]], *rest] if clear else rest), "", "", MISSPELT_DIRECTION


def _meant(word: str) -> str:
    """Return the one direction of which this is a misspelling: a letter doubled, letters swapped or a key beside it."""
    shorter = {word[:i] + word[i + 1 :] for i in range(1, len(word)) if word[i] == word[i - 1]}
    beside = {
        word[:i] + right + word[i + 1 :] for i, c in enumerate(word) for right, keys in _BESIDE.items() if c in keys
    }
    found = _SHORT & (shorter or ({word[::-1]} | beside if len(word) < 3 else set()))
    return found.pop() if len(found) == 1 else ""


def _may_be_type(word: str) -> bool:
    if len(word) > 11 or not word.isalpha():
        return False
    return (
        process.extractOne(word, _TYPE_WORDS, scorer=OSA.distance, score_cutoff=1 if len(word) < 5 else 2) is not None
    )


_TYPE_WORDS = tuple(TYPES)
_SHORT = set(DIRECTIONS.values())
