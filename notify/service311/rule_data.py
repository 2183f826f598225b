"""Holidays, rules and exceptions as JSON, for rows of the database: dates as 2026-11-26, sets as sorted lists."""

from typing import Any

from pydantic import TypeAdapter

from notify.service311.rules import DayException, Holiday, Rule

_HOLIDAY, _RULE, _EXCEPTION = TypeAdapter(Holiday), TypeAdapter(Rule), TypeAdapter(DayException)


def to_data(value: Holiday | Rule | DayException) -> dict[str, Any]:
    """Return a value as plain JSON; `to_holiday`, `to_rule` and `to_exception` read it again."""
    adapter: TypeAdapter[Any] = TypeAdapter(type(value))
    data: dict[str, Any] = adapter.dump_python(value, mode="json")
    return {key: sorted(each) if isinstance(each, list) else each for key, each in data.items()}


def to_holiday(data: dict[str, Any]) -> Holiday:
    return _HOLIDAY.validate_python(data)


def to_rule(data: dict[str, Any]) -> Rule:
    return _RULE.validate_python(data)


def to_exception(data: dict[str, Any]) -> DayException:
    return _EXCEPTION.validate_python(data)
