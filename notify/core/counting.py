"""Numbers with their nouns, for people."""


def counted(number: int, noun: str, more: str = "") -> str:
    """`1 row`, `2,000 rows`, `3 addresses`. `more`: an irregular plural."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {more or noun + ('es' if noun.endswith('s') else 's')}"
