"""The places beside the city, and where their residents sign up: a setting."""

import re
from dataclasses import dataclass

from notify.core import server_addresses

_WORD = re.compile(r"[^\W_]+")
_ZIP = re.compile(r"\d{5}")
_BOX = re.compile(r"-?\d+(\.\d+)?(,-?\d+(\.\d+)?){3}")
EXAMPLE = "Brook County=https://brook.example.org/alerts 19401 19403; Harbor=https://.. -75.4,40.0,-75.3,40.1"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """`url`: its own page for signing up. `zips`: its ZIP codes. `box`: west, south, east, north in degrees; None: not
    known."""

    name: str
    url: str
    zips: frozenset[str] = frozenset()
    box: tuple[float, float, float, float] | None = None

    def has(self, lon: float, lat: float) -> bool:
        """Return whether a point lies in its box."""
        return self.box is not None and self.box[0] <= lon <= self.box[2] and self.box[1] <= lat <= self.box[3]

    def is_named(self, address: str) -> bool:
        """Return whether an address has its name, or one of its ZIP codes."""
        written = _words(address)
        return _words(self.name) in written or any(f" {one} " in written for one in self.zips)


def _words(written: str) -> str:
    return f" {' '.join(_WORD.findall(written.casefold()))} "


def parsed(setting: str) -> tuple[Neighbour, ...]:
    """Read `Name=https://its.page ZIP ZIP west,south,east,north; ...`. Raises ValueError with the form."""
    return tuple(_one(part) for part in setting.split(";") if part.strip())


def _one(part: str) -> Neighbour:
    name, _, rest = part.partition("=")
    url, *more = rest.split() or [""]
    zips = frozenset(one for one in more if _ZIP.fullmatch(one))
    boxes = [tuple(map(float, one.split(","))) for one in more if _BOX.fullmatch(one)]
    if not name.strip() or not server_addresses.is_https(url) or len(zips) + len(boxes) != len(more) or len(boxes) > 1:
        raise ValueError(f"is not a list such as {EXAMPLE}")
    for west, south, east, north in boxes:
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise ValueError("has an area that is not west,south,east,north in degrees, such as -75.4,40.0,-75.3,40.1")
    box = (boxes[0][0], boxes[0][1], boxes[0][2], boxes[0][3]) if boxes else None
    return Neighbour(name.strip(), url, zips, box)
