"""The frames by which processes exchange values: a JSON document and its shapes, as WKB.

Nothing in a frame is executed or unpickled. A frame is two sizes (8 bytes each, little-endian), the document and the
shapes. The document lists the size of each shape, in bytes, as `shapes`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

LARGEST_BYTES = 1024**3  # of a document, and of its shapes together
_SIZE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Frame:
    document: dict[str, Any]
    shapes: tuple[bytes, ...]


def write(to: BinaryIO, document: Mapping[str, Any], shapes: Sequence[bytes] = ()) -> None:
    """Write a frame and flush it, because the other side may be waiting."""
    to.write(packed(document, shapes))
    to.flush()


def packed(document: Mapping[str, Any], shapes: Sequence[bytes] = ()) -> bytes:
    """Return a frame as bytes."""
    head = json.dumps({**document, "shapes": [len(shape) for shape in shapes]}).encode()
    sizes = (len(head), sum(map(len, shapes)))
    return b"".join((*(size.to_bytes(_SIZE_BYTES, "little") for size in sizes), head, *shapes))


def read(take: Callable[[int], bytes]) -> Frame:
    """Read a frame. `take(n)` returns exactly n bytes. Raises ValueError if they are not a frame."""
    head_bytes, shapes_bytes = (int.from_bytes(take(_SIZE_BYTES), "little") for _ in range(2))
    if max(head_bytes, shapes_bytes) > LARGEST_BYTES:
        raise ValueError("the frame is too large")
    document = json.loads(take(head_bytes))
    if not isinstance(document, dict):
        raise ValueError("the frame has no document")
    sizes, content = document.pop("shapes", None), take(shapes_bytes)
    if not isinstance(sizes, list) or not all(isinstance(size, int) and size >= 0 for size in sizes):
        raise ValueError("the frame does not list the sizes of its shapes")
    if sum(sizes) != shapes_bytes:
        raise ValueError("the sizes of the shapes do not add up")
    shapes, at = [], 0
    for size in sizes:
        shapes.append(content[at : at + size])
        at += size
    return Frame(document, tuple(shapes))
