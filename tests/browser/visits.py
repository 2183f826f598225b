"""A page with a map, as a visitor sees it."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page

from tests.waiting import until

# Until all that is in sight has been drawn; the page's policy forbids Playwright's own way of waiting, which evaluates.
DRAWN = """() => { const map = document.getElementById("map")?.tocsin?.map;
    return !!map && map.loaded() && map.areTilesLoaded() && !map.isMoving(); }"""
SEEN = """(layer) => new Set(document.getElementById("map").tocsin.map.queryRenderedFeatures({layers: [layer]})
    .map((one) => one.properties.name)).size"""
# Pans of half a second; the time between two frames, in ms, of all of them.
PANS = """async (steps) => {
    const map = document.getElementById("map").tocsin.map, gaps = [];
    let last = performance.now(), over = false;
    const frame = (now) => { gaps.push(now - last); last = now; if (!over) requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
    for (let n = 0; n < steps; n++) {
        const done = new Promise((resolve) => map.once("moveend", resolve));
        map.panBy([n % 4 < 2 ? 260 : -260, n % 2 ? 180 : -180], {duration: 500});
        await done;
    }
    over = true;
    return gaps.slice(1);
}"""
# How many colours the middle of the map has, on a canvas that was just drawn.
COLOURS = """() => new Promise((resolve) => {
    const map = document.getElementById("map").tocsin.map;
    map.once("render", () => {
        const from = map.getCanvas(), to = new OffscreenCanvas(200, 200), pen = to.getContext("2d");
        pen.drawImage(from, from.width / 2 - 100, from.height / 2 - 100, 200, 200, 0, 0, 200, 200);
        const data = new Uint32Array(pen.getImageData(0, 0, 200, 200).data.buffer);
        resolve(new Set(data).size);
    });
    map.triggerRepaint();
})"""


@dataclass
class Visit:
    """A page of the console on which anything that goes wrong, or leaves this machine, is noted."""

    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ("blob:", "data:")  # besides our own server

    def note(self, said: ConsoleMessage) -> None:
        """What the policy refuses is an error here, too. Looking at pixels is what draws a warning of its own."""
        if said.type in ("error", "warning") and "ReadPixels" not in said.text:
            self.problems.append(said.text)

    def open(self, path: str = "/console/map") -> None:
        self.page.goto(self.url + path)

    def until_drawn(self) -> None:
        until(lambda: self.page.evaluate(DRAWN), 60, "the map is drawn")

    def look(self, where: str, zoom: float) -> None:
        """At a place, at once."""
        self.page.evaluate(f'document.getElementById("map").tocsin.map.jumpTo({{center: {where}, zoom: {zoom}}})')
        self.until_drawn()

    def pan(self) -> tuple[str, float]:
        """Eight pans: the time between two frames in words, and what our scripts took of each, in ms."""
        with script_seconds(self.page) as ask:
            before = ask()
            gaps = sorted(self.page.evaluate(PANS, 8))
            busy_ms = (ask() - before) * 1000 / len(gaps)
        words = f"median {statistics.median(gaps):.0f}, 95 % {gaps[int(len(gaps) * 0.95)]:.0f}, worst {gaps[-1]:.0f} ms"
        return f"{len(gaps)} frames, {words}; scripts {busy_ms:.1f} ms each", busy_ms

    def seen(self, layer: str) -> int:
        """How many names of this layer are in sight."""
        return int(self.page.evaluate(SEEN, layer))

    def until_seen(self, layer: str, least: int = 1) -> None:
        until(lambda: self.seen(layer) >= least, 60, f"{least} of {layer} in sight")


@contextmanager
def script_seconds(page: Page) -> Iterator[Callable[[], float]]:
    """Asks Chromium for the seconds that scripts have taken on a page."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    try:
        yield lambda: next(
            float(one["value"])
            for one in session.send("Performance.getMetrics")["metrics"]
            if one["name"] == "ScriptDuration"
        )
    finally:
        session.detach()
