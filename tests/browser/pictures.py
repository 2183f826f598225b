"""Pictures of pages for the docs, as PNG with a palette of at most 256 colors: a third of the size of what a browser
makes."""

import base64
import zlib
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator, Page

FOLDER = Path(__file__).parents[2] / "docs" / "images"
LARGEST_BYTES = 150_000
COLORS = 256
# The colors of a picture, four bytes a pixel.
_PIXELS = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const paper = new OffscreenCanvas(image.width, image.height).getContext("2d");
  paper.drawImage(image, 0, 0);
  const reader = new FileReader();
  const read = new Promise((done) => { reader.onload = () => done(reader.result.split(",")[1]); });
  reader.readAsDataURL(new Blob([paper.getImageData(0, 0, image.width, image.height).data]));
  return [image.width, image.height, await read];
}"""


def take(what: Page | Locator, name: str) -> None:
    """Keep a picture of what is on the screen as docs/images/NAME.png."""
    page = what if isinstance(what, Page) else what.page
    table = page.context.new_page()  # an empty one: the policies of our pages forbid the script
    small = _with_palette(table, what.screenshot())
    table.close()
    assert len(small) <= LARGEST_BYTES, f"{name}: {len(small)} bytes"
    (FOLDER / f"{name}.png").write_bytes(small)


def _with_palette(table: Page, png: bytes) -> bytes:
    width, height, pixels = table.evaluate(_PIXELS, base64.b64encode(png).decode())
    rgb = np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(-1, 4)[:, :3].astype(np.int32)
    codes, where, often = np.unique(rgb @ [1 << 16, 1 << 8, 1], return_inverse=True, return_counts=True)
    colors = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    palette = colors[np.argsort(-often)[:COLORS]]
    apart = ((colors[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2)
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with 0: not filtered
    rows[:, 1:] = apart.argmin(axis=1).astype(np.uint8)[where].reshape(height, width)
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 3, 0, 0, 0])
    parts = ((b"IHDR", head), (b"PLTE", palette.astype(np.uint8).tobytes()), (b"IDAT", zlib.compress(rows, 9)),
             (b"IEND", b""))  # fmt: skip
    chunks = (len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
