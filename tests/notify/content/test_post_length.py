"""How long a post is, as its network counts."""

import pytest

from notify.content.post_length import LIMITS, exceeded

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1fa\U0001f1f8"


@pytest.mark.parametrize(
    ("network", "text", "size"),
    [
        ("mastodon", f"{FAMILY}{FLAG}e\u0301", 3),
        ("mastodon", "https://alerts.example.org/" + "a" * 200 + ".", 24),
        ("mastodon", "(https://x.org/s), https://x.org/t!", 1 + 23 + 3 + 23 + 1),
        ("mastodon", "@city@mastodon.example.org now", 9),
        ("bluesky", f"{FAMILY} https://x.org", 15),
        # twitter-text 3
        ("x", "\U0001f1fa\U0001f1f8", 2),
        ("x", FAMILY, 2),
        ("x", "e\u0301", 1),
        ("x", "\u65e5\u672c", 4),
        ("x", "caf\u00e9 https://alerts.example.org/a/1234", 28),
        ("threads", f"go {FAMILY}", 3 + 18),
    ],
)
def test_each_network_counts_by_its_own_rule(network: str, text: str, size: int) -> None:
    assert LIMITS[network][0].measure(text) == size


def test_what_is_exceeded_is_told_with_its_unit() -> None:
    assert exceeded("mastodon", "x" * 500) == ""
    assert exceeded("mastodon", "x" * 501) == "has 501 characters; the most is 500"
    assert exceeded("bluesky", FAMILY * 200) == "has 3600 bytes; the most is 3000"
    assert exceeded("x", "\u65e5" * 141) == "has 282 characters; the most is 280"
    assert exceeded("one nobody knows", "x" * 9000) == ""
