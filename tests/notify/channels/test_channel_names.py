"""What a channel is stands in its value: no other code may list channels by name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from notify.channels.channel import CHANNELS

ROOT = Path(__file__).parents[3]
# Released migrations stay as they are. Simulators speak the providers' own protocols.
APART = ("notify/channels/", "notify/migrations/", "notify/simulators/")
FILES = [
    path
    for package in ("notify", "api", "zones")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not path.relative_to(ROOT).as_posix().startswith(APART)
]


def named(source: str) -> Iterator[str]:
    """The places where channels are named, as "line: what". `email` alone is also a name of columns and fields."""
    own = CHANNELS.keys() - {"email"}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(words)) if words in own or any(f"'{name}'" in words for name in CHANNELS):
                yield f"{node.lineno}: {words[:60]}"
            case ast.Tuple(elts=several) | ast.List(elts=several) | ast.Set(elts=several):
                found = {one.value for one in several if isinstance(one, ast.Constant) and isinstance(one.value, str)}
                if len(found & CHANNELS.keys()) > 1:
                    yield f"{node.lineno}: {sorted(found)}"


def test_no_channel_is_named_outside_its_package() -> None:
    found = [f"{path.relative_to(ROOT)}:{place}" for path in FILES for place in named(path.read_text("utf-8"))]
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        'for name in ("sms", "email"): pass',
        'COLUMNS = {"sms": "phone", "email": "email"}',
        'x = channel == "social"',
        """text("SELECT id FROM contacts WHERE channel = 'email'")""",
        """text(f"SELECT 'sms', {column}")""",
    ],
)
def test_a_channel_that_is_named_is_found(source: str) -> None:
    assert list(named(source))
