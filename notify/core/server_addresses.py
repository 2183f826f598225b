"""Check the addresses of servers that the settings name. Nothing is connected to."""

import re
from urllib.parse import quote, unquote, urlsplit

from notify.core.errors import Unavailable

LONGEST = 1500  # characters of a feed's address


def of_postgresql(name: str, url: str) -> str:
    """Return the URL of a PostgreSQL database in libpq's form. `name`: of its setting. Raises Unavailable."""
    from psycopg import ProgrammingError  # imported late: only processes with a database need it
    from psycopg.conninfo import conninfo_to_dict

    scheme, _, rest = url.partition("://")
    if scheme in {"postgres", "postgresql", "postgresql+psycopg"}:
        url = "postgresql://" + _LOGIN.sub(_quoted, rest)
    try:
        ports = str(conninfo_to_dict(url).get("port") or "").split(",")
    except ProgrammingError:
        ports = ["unreadable"]
    given = [name.partition("=")[0] for name in url.partition("?")[2].split("&")]
    if len(given) > len(set(given)):  # libpq uses only the last of host=a&host=b
        raise Unavailable(
            f"{name} gives the same parameter twice.",
            hint="Several hosts are written as postgresql://user:password@one:5432,two:5432/name.",
        )
    if all(not port or (port.isdecimal() and int(port) < 2**16) for port in ports):
        return url
    raise Unavailable(
        f"{name} is not the address of a PostgreSQL database.",  # with its password, so it is not repeated
        hint="Write it as postgresql://user:password@host:5432/name, with special characters of the password as %XX.",
    )


_LOGIN = re.compile(r"^[^:/@]*:[^@]*(?=@)")


def _quoted(login: re.Match[str]) -> str:
    """Quote a login whose password has an unquoted / or %, which libpq would misread."""
    return ":".join(quote(unquote(part), safe="") for part in login[0].split(":", 1))


def is_redis(url: str) -> bool:
    """Whether redis-py can read the URL: a known scheme and a numeric port."""
    try:
        urlsplit(url).port  # noqa: B018  raises for an invalid port
    except ValueError:
        return False
    return url.startswith(("redis://", "rediss://", "unix://"))


def is_https(address: str) -> bool:
    """Whether an address is by https, names a host, and neither a password nor a port that is none."""
    try:
        url = urlsplit(address)
        url.port  # noqa: B018  raises for an invalid port
    except ValueError:
        return False
    return url.scheme == "https" and bool(url.hostname) and "@" not in url.netloc and len(address) <= LONGEST
