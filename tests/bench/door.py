"""The web server of a benchmark, and how long its pages take."""

import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from api.cookies import cookie_name
from notify.accounts import operators, sessions
from notify.core.db import transaction
from notify.local import ports
from notify.models import Operator
from tests.bench.installation import Installation
from tests.waiting import until


class Door:
    """An API process, and an administrator who is signed in."""

    def __init__(self, city: Installation) -> None:
        self.port = port = ports.free()
        city.start("api", "api", "--port", str(port), kind="api")
        self._url = f"http://{ports.HOST}:{port}"
        now = datetime.now(UTC)
        with transaction() as s:
            self._headers = signed_in(s, operators.add(s, "admin@bench.example.org", "admin", now), now)
        until(lambda: not ports.is_free(port), 60, "the API answers")

    def load(self, path: str, headers: Mapping[str, str] | None = None) -> float:
        """Return the seconds until the whole page has arrived. `headers`: of somebody else than the administrator."""
        began = time.perf_counter()
        request = urllib.request.Request(self._url + path, headers={**(headers or self._headers)})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
        return time.perf_counter() - began


def signed_in(s: Session, operator: Operator, now: datetime) -> dict[str, str]:
    return {"Cookie": f"{cookie_name()}={sessions.begin(s, operator, 'password', 'bench', now)}"}
