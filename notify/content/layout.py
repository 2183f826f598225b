"""Split the body of an email into blocks, from which both its plain and its HTML part are laid out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of an email: the lines of a paragraph, the items of a list, or a heading."""

    kind: Literal["paragraph", "list", "heading", "notice"]
    lines: tuple[str, ...]


def blocks_of(text: str) -> list[Block]:
    """Split a text: empty lines separate paragraphs, items begin with "- ", and a line before a list is its heading."""
    blocks: list[Block] = []
    gap = True
    for line in map(str.strip, text.splitlines()):
        kind: Literal["paragraph", "list"] = "list" if line.startswith("- ") else "paragraph"
        last = blocks[-1] if blocks else None
        if line and last and last.kind == kind and not (gap and kind == "paragraph"):
            blocks[-1] = Block(kind, (*last.lines, line.removeprefix("- ")))
        elif line:
            if kind == "list" and last and last.kind == "paragraph" and len(last.lines) == 1 and not gap:
                blocks[-1] = Block("heading", last.lines)
            blocks.append(Block(kind, (line.removeprefix("- "),)))
        gap = not line
    return blocks
