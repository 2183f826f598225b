"""Ask a GeoReport v2 endpoint, and file requests with it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Literal, Protocol
from urllib.parse import quote, urlencode

from notify.channels.http.client import Answer, Endpoint, NotSent, OutcomeUnknown
from notify.service311.open311 import reading
from notify.service311.open311.reading import Filed, Request, Service, Unreadable

TIMEOUT_S = 10.0
MOST_PAGES = 20
NEAR_M = 100  # a request at the next corner is one that the caller may mean
METRES_A_DEGREE = 111_320


class Unavailable(Exception):
    """The endpoint did not answer what was asked for. Its text says why, for operators. Nothing was filed."""


class RefusedByCity(Unavailable):
    """The endpoint says that the request is not right. Its text is the endpoint's own."""


class PerhapsFiled(Exception):
    """The request may have been filed: look before it is filed again."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where an endpoint differs from the specification.

    `page_size`: how many requests one answer holds. `pages`: whether it knows `page` and `page_size`, which are an
    extension. `zone_in_dates`: whether it takes an offset in start_date, as the specification wants. `key_to_read`:
    whether it wants the key for reading, too, where it stands in the address and so in logs. `near`: whether it takes
    lat, long and radius, which are an extension.
    """

    format: Literal["json", "xml"] = "json"
    page_size: int = 50
    pages: bool = True
    zone_in_dates: bool = True
    key_to_read: bool = False
    near: bool = False
    jurisdiction: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Asker(Protocol):
    """What sends a request and waits (`BlockingClient`)."""

    def ask(self, endpoint: Endpoint, body: bytes | None, timeout_s: float) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request to file. `at`: longitude, latitude in WGS84; it or an address is needed."""

    service_code: str
    description: str
    address: str = ""
    at: tuple[float, float] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)  # by code, as the service's definition asks


class Open311:
    """An endpoint. `root`: its address up to the version, for example https://311.example.gov/open311/v2."""

    def __init__(self, root: str, asker: Asker, zone: tzinfo, key: str = "", dialect: Dialect | None = None) -> None:
        self._root, self._asker, self._zone, self._key = root.rstrip("/"), asker, zone, key
        self._dialect = dialect or Dialect()

    def services(self) -> list[Service]:
        """Return what the city takes requests for. Raises Unavailable."""
        body = self._get("services", {})
        with _readable():
            return reading.services(body)[0]

    def request(self, request_id: str) -> Request | None:
        """Return one request; None if there is none of that id. Raises Unavailable."""
        answer = self._ask("GET", f"requests/{quote(request_id, safe='')}", {})
        if answer.status == 404:
            return None
        body = _body(answer)
        with _readable():
            found = reading.requests(body, self._zone)[0]
        return next((one for one in found if one.id == request_id), None)

    def open_ones_near(self, at: tuple[float, float], start: datetime, end: datetime) -> tuple[list[Request], bool]:
        """Return the open requests around a place in degrees that were made in a time, and whether these are all of
        them. An endpoint that cannot be asked for a place is read, and searched here. Raises Unavailable."""
        lon, lat = at
        place = {"lat": f"{lat:.6f}", "long": f"{lon:.6f}", "radius": str(NEAR_M)} if self._dialect.near else {}
        found, are_all = self.requests(start, end, more={"status": "open", **place})
        return [one for one in found if one.is_open and one.at and _metres(one.at, at) <= NEAR_M], are_all

    def requests(
        self, start: datetime, end: datetime, service_codes: Iterable[str] = (), more: Mapping[str, str] | None = None
    ) -> tuple[list[Request], bool]:
        """Return the requests that were made in a time, each once, in the endpoint's order, and whether these are all.
        Raises Unavailable. `more`: further terms of the question.

        An endpoint may repeat its last page for ever, or know no pages: reading ends with the first page that has
        nothing new. One that knows none gives at most `page_size`.
        """
        query = {"start_date": self._date(start), "end_date": self._date(end), **(more or {})}
        if codes := ",".join(service_codes):
            query["service_code"] = codes
        found: dict[str, Request] = {}
        for page in range(1, (MOST_PAGES if self._dialect.pages else 1) + 1):
            numbered = {"page": str(page), "page_size": str(self._dialect.page_size)} if self._dialect.pages else {}
            body = self._get("requests", query | numbered)
            with _readable():
                read = reading.requests(body, self._zone)[0]
            fresh = {one.id: one for one in read if one.id not in found}
            if not fresh:
                return list(found.values()), True
            found |= fresh
        return list(found.values()), not self._dialect.pages and len(found) < self._dialect.page_size

    def file(self, wanted: Wanted) -> Filed:
        """File a request. Raises RefusedByCity, Unavailable, or PerhapsFiled when the answer names no request."""
        form = {"service_code": wanted.service_code, "description": wanted.description}
        if self._key:
            form["api_key"] = self._key
        if wanted.address:
            form["address_string"] = wanted.address
        if wanted.at:
            form["long"], form["lat"] = (f"{degrees:.6f}" for degrees in wanted.at)
        form |= {f"attribute[{code}]": value for code, value in wanted.attributes.items()}
        answer = self._ask("POST", "requests", {}, urlencode(form).encode())
        if 400 <= answer.status < 500 and answer.status != 408:
            _body(answer)
        with suppress(Unreadable):
            if 200 <= answer.status < 300:
                return reading.filed(answer.body)
        # Neither an id nor a refusal: what fails may have failed after it was stored.
        said = reading.refusal(answer.body)
        raise PerhapsFiled(f"the city's system answers {answer.status}" + (f": {said}" if said else ""))

    def by_token(self, token: str) -> Filed:
        """Return the id that a token stands for, empty while there is none. Raises Unavailable."""
        body = self._get(f"tokens/{quote(token, safe='')}", {})
        with _readable():
            return reading.filed(body)

    def _date(self, at: datetime) -> str:
        if self._dialect.zone_in_dates:
            return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return at.astimezone(self._zone).strftime("%Y-%m-%dT%H:%M:%S")

    def _get(self, path: str, query: Mapping[str, str]) -> bytes:
        return _body(self._ask("GET", path, query))

    def _ask(self, method: str, path: str, query: Mapping[str, str], form: bytes | None = None) -> Answer:
        more = {"jurisdiction_id": self._dialect.jurisdiction} if self._dialect.jurisdiction else {}
        if self._key and form is None and self._dialect.key_to_read:
            more["api_key"] = self._key
        asked = urlencode({**query, **more})
        address = f"{self._root}/{path}.{self._dialect.format}" + (f"?{asked}" if asked else "")
        headers = {"Accept-Encoding": "identity", **self._dialect.headers}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        try:
            return self._asker.ask(Endpoint(method, address, headers), form, TIMEOUT_S)
        except NotSent as error:
            raise Unavailable(f"the city's system cannot be reached ({error})") from None
        except OutcomeUnknown as error:
            if form is not None:
                raise PerhapsFiled(f"no answer came ({error})") from None
            raise Unavailable(f"no answer came ({error})") from None


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    east = (one[0] - other[0]) * math.cos(math.radians(one[1]))
    return math.hypot(east, one[1] - other[1]) * METRES_A_DEGREE


def _body(answer: Answer) -> bytes:
    if answer.status in {200, 201}:
        return answer.body
    said = reading.refusal(answer.body)
    if 400 <= answer.status < 500 and said:
        raise RefusedByCity(said)
    raise Unavailable(f"the city's system answers {answer.status}")


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        raise Unavailable(f"the city's system answers what cannot be read: {error}") from None
