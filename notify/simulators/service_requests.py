"""The requests that a city's request system has taken."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stored:
    """The requests that were filed, by id, and which id a token stands for."""

    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
