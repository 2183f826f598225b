"""What tests ask PostgreSQL, beside the door."""

from typing import Any

from sqlalchemy import text

from notify.core.db import transaction


def rows(question: str, **given: Any) -> list[Any]:
    with transaction() as s:
        return list(s.execute(text(question), given).all())


def number(question: str, **given: Any) -> int:
    with transaction() as s:
        return int(s.scalar(text(question), given) or 0)


def do(statement: str, **given: Any) -> None:
    with transaction() as s:
        s.execute(text(statement), given)
