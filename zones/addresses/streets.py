"""Bring street names into one form: North Broad Street, N. BROAD ST and n broad str are the same."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.distance import OSA

from zones.addresses.words import (
    DIRECTIONS,
    INSIDE,
    LONG_TYPES,
    NUMBERED_ROADS,
    ORDINALS,
    PLAIN_ROADS,
    TENS,
    TYPES,
    WHOLE_NAMES,
)

LONGEST_TEXT = 200  # characters read of an address or a street
_WORDS = re.compile(r"\d+(?:[/-]\d+)+[A-Z]?|[A-Z0-9]+|[,&#]")
_INITIALS = re.compile(r"(?<=\b[A-Z])\.(?=[A-Z]\b)")
_ORDINAL = re.compile(r"(\d+)(?:ST|ND|RD|TH)")
_ONES = tuple(word for word, number in ORDINALS.items() if number < 10)
_ENDINGS = ("ST", "ND", "RD", "TH")
_NEARLY_ORDINAL = re.compile(r"(\d{1,3})(?:([A-Z]{2,3})|([TH])|(?<!\d\d\d)([DNRS]))")
_FRACTIONS = {ord("½"): " 1/2", ord("¼"): " 1/4", ord("¾"): " 3/4", 0x2044: "/"}
_DECIMALS = {"0": "", "00": "", "5": " 1/2", "50": " 1/2", "25": " 1/4", "75": " 3/4"}
_DECIMAL = re.compile(r"(?<![\w.])(\d{1,6})\.(00?|50?|25|75)(?![\w.])")  # 537.5 is how registers write 537 1/2
_HYPHENED_FRACTION = re.compile(r"(?<![\w-])(\d{1,6})-(?=[1-7]/[2-8](?!\d))")  # 10-1/2
_GRID_APART = re.compile(r"^\s*([NSEW]\d{1,4})\s+(?=[NSEW]\d{2,6}\b)")  # N95 W18000 in Wisconsin is one number
_STROKE = re.compile(r"(?<=[A-Z]{2})\s*/\s*(?=\w)|(?<=[A-Z]{2}\.)\s*/\s*(?=\w)")  # Broad/Vine is a crossing
_ROADS = "|".join([*(form for _, forms in NUMBERED_ROADS for form in forms), *PLAIN_ROADS]).replace(" ", r"\s+")
_ROAD = rf"\b(?:{_ROADS})[\s-]*\d{{1,4}}[A-Z]?"
_STROKE_BEHIND_ROAD = re.compile(rf"({_ROAD})\s*/\s*(?=[A-Z]{{2}}|[A-Z]-?\d|\d+(?:ST|ND|RD|TH)\b)")  # not Hwy 1/2
_GLUED_ROAD = re.compile(r"(?<!APT )(?<!UNIT )(?<!STE )(?<!#)(?<!# )\b(CR|FM|HWY|IH?|RTE?|SH|SR|US)(\d{1,4})\b")  # CR12
_HYPHEN_IN_WORD = re.compile(r"(?<=[A-Z])-|-(?=[A-Z])")


@dataclass(frozen=True)
class StreetName:
    """The parts of a street's name, abbreviated. `before` and `after` are directions, `kind` is the type."""

    before: str
    name: str
    kind: str
    after: str

    @property
    def key(self) -> str:
        return " ".join(part for part in (self.before, self.name, self.kind, self.after) if part)

    @cached_property
    def core(self) -> str:
        """The name proper without spaces, because people split and join words in different ways."""
        return self.name.replace(" ", "")


def words_of(text: str) -> list[str]:
    """Split a text into words in capitals without accents. `,`, `&` and `#` are words; 5TH and FIFTH become `5th`."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST_TEXT].translate(_FRACTIONS)).upper()
    plain = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'\u2019`\u00b4")
    plain = _DECIMAL.sub(lambda found: found[1] + _DECIMALS[found[2]], plain)
    plain = _GLUED_ROAD.sub(r"\1 \2", plain)
    if "/" in plain:
        plain = _STROKE_BEHIND_ROAD.sub(r"\1 & ", plain)
    plain = _STROKE.sub(" & ", _GRID_APART.sub(r"\1", _HYPHENED_FRACTION.sub(r"\1 ", plain)))
    plain = _HYPHEN_IN_WORD.sub(" ", _INITIALS.sub("", plain)).replace("@", " & ")
    return plain_ordinals(_WORDS.findall(plain))


def plain_ordinals(words: Sequence[str]) -> list[str]:
    """Write 5TH, FIFTH and `5 TH` as `5th`, in small letters so that no house number is taken for an ordinal."""
    found: list[str] = []
    i = 0
    while i < len(words):
        word, following = words[i], words[i + 1] if i + 1 < len(words) else ""
        ordinal = _ORDINAL.fullmatch(word)
        i += 1
        if ordinal:
            found.append(f"{int(ordinal[1])}th")
        elif (two := _two_words(word, following)) is not None:
            found.append(f"{two}th")
            i += 1
        elif word in ORDINALS:
            found.append(f"{ORDINALS[word]}th")
        elif word.isdecimal() and following in _ENDINGS and _ends(word, following, words[i + 1 : i + 2]):
            found.append(f"{int(word)}th")
            i += 1
        elif i > 1 and (nearly := _NEARLY_ORDINAL.fullmatch(word)) and _nearly_ends(nearly[nearly.lastindex or 2]):
            found.append(f"{int(nearly[1])}th")
        else:
            found.append(word)
    return found


def _two_words(first: str, second: str) -> int | None:
    """Return the number of two words such as Fifty Ninth, one of which may be misspelt, or None."""
    if len(first) < 4 or len(second) < 4 or not (first in TENS or second in ORDINALS):
        return None
    ten = next((word for word in TENS if OSA.distance(first, word, score_cutoff=1) <= 1), "")
    one = next((word for word in _ONES if OSA.distance(second, word, score_cutoff=1) <= 1), "")
    return ORDINALS[ten + one] if ten and one and (ten == first or one == second) else None


def _nearly_ends(letters: str) -> bool:
    """Return whether it is an ordinal ending with one letter wrong, as in 32ndd. A unit like 2B is not."""
    return any(OSA.distance(letters, ending) <= 1 for ending in _ENDINGS)


def _ends(number: str, ending: str, then: Sequence[str]) -> bool:
    """Return whether it is an ordinal: 1 ST, 2 ND, 3 RD, 4 TH, but not 5 ST (Street) or 1 ST JAMES PL."""
    if ending == "ST" and then and then[0] not in {",", *TYPES, *DIRECTIONS}:
        return False
    teen = len(number) > 1 and number[-2] == "1"
    return ending == ("TH" if teen else {"1": "ST", "2": "ND", "3": "RD"}.get(number[-1], "TH"))


def street_name(text: str | Sequence[str], *, typed: bool = True) -> StreetName:
    """Return the parts of a name, given as a text or as words from `words_of`. Not `typed`: its last word is not a
    type."""
    words = [word for word in (words_of(text) if isinstance(text, str) else text) if word not in {",", "&", "#"}]
    after = before = kind = ""
    if len(words) > 1 and words[-1] in DIRECTIONS and not all(word in TYPES or word == words[-1] for word in words):
        after = DIRECTIONS[words.pop()]
    if typed and len(words) > 1 and words[-1] in TYPES:
        kind = TYPES[words.pop()]
    if len(words) > 1 and words[0] in DIRECTIONS:
        before = DIRECTIONS[words.pop(0)]
    return StreetName(before, " ".join(_inside(words)), kind, after)


def _inside(words: Sequence[str]) -> list[str]:
    plain = _in_full([word.removesuffix("th") if word[0].isdecimal() else word for word in words])
    if len(plain) == 1:
        return plain
    return [
        INSIDE[word] if word in INSIDE and i < len(plain) - 1 else LONG_TYPES.get(word, word)
        for i, word in enumerate(plain)
    ]


_WHOLE = [(form.split(), name.split()) for name, forms in WHOLE_NAMES for form in forms]
_NUMBERED = [(form.split(), name.split()) for name, forms in NUMBERED_ROADS for form in forms]


def short_cores(name: StreetName) -> set[str]:
    """Return the abbreviated forms of the name proper, for misspellings: USS 89 resembles US 89, not US Highway 89."""
    words = name.name.split()
    known = [(form, whole) for form, whole in (*_NUMBERED, *_WHOLE) if words[: len(whole)] == whole and form != whole]
    return {"".join([*form, *words[len(whole) :]]) for form, whole in known}


def _in_full(words: list[str]) -> list[str]:
    """Write MLK as Martin Luther King Jr, CR 12 and Co Rd 12 as County Road 12, I 35 as Interstate 35."""
    for form, name in _NUMBERED:
        if words[: len(form)] == form and words[len(form) : len(form) + 1] and words[len(form)][0].isdecimal():
            return [*name, *words[len(form) :]]
    for form, name in _WHOLE:
        if words[: len(form)] == form:
            return [*name, *words[len(form) :]]
    return words
