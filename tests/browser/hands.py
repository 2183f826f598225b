"""How a person works a page: with a mouse, on a touchscreen, or by keyboard alone. What is done is counted."""

from collections.abc import Sequence
from typing import Protocol

from playwright.sync_api import Locator, Page

from tests.waiting import until

MOST_TABS = 400
MAP = 'document.getElementById("draw").tocsin.map'
IS_DRAWN = f"() => {MAP}.loaded() && {MAP}.areTilesLoaded() && !{MAP}.isMoving()"
# What is wrong with the focus as it can be seen: nothing (an empty string), or where it is and why.
UNSEEN = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return "";
    const name = at.outerHTML.slice(0, 120), box = at.getBoundingClientRect();
    let ringed = at;  // it, or what is drawn around it while it has the focus
    while (ringed && getComputedStyle(ringed).outlineStyle === "none") ringed = ringed.parentElement;
    if (!ringed) return `nothing is drawn around ${name}`;
    const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    if (!inside) return `out of sight: ${name}`;
    const seen = [[0.5, 0.5], [0.1, 0.1], [0.9, 0.9], [0.1, 0.9], [0.9, 0.1]].some(([x, y]) => {
        const over = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
        return over && (at.contains(over) || over.contains(at));
    });
    return seen ? "" : `something covers ${name}`;
}"""


class Hands(Protocol):
    """`did`: how many times something was pressed, filled in or chosen."""

    page: Page
    did: int

    def press(self, what: Locator) -> None: ...
    def fill(self, what: Locator, words: str) -> None: ...
    def choose(self, what: Locator, value: str) -> None: ...
    def draw(self, corners: Sequence[tuple[float, float]]) -> None: ...


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.did = 0

    def press(self, what: Locator) -> None:
        self.did += 1
        what.click()

    def fill(self, what: Locator, words: str) -> None:
        self.did += 1
        what.fill(words)

    def choose(self, what: Locator, value: str) -> None:
        self.did += 1
        what.select_option(value)

    def draw(self, corners: Sequence[tuple[float, float]]) -> None:
        """Press these places on the map, and the first one again: nothing is dragged."""
        self.page.locator("#draw").scroll_into_view_if_needed()
        for corner in (*corners, corners[0]):
            until(lambda: self.page.evaluate(IS_DRAWN), 60, "the map is drawn")
            at = self.page.evaluate(f"(p) => {MAP}.project(p)", list(corner))
            self._point(self.page.locator("#draw canvas"), at["x"], at["y"])

    def _point(self, canvas: Locator, x: float, y: float) -> None:
        self.did += 1
        canvas.click(position={"x": x, "y": y})


class Finger(Mouse):
    """On a touchscreen. What is typed comes from the phone's own keyboard."""

    def press(self, what: Locator) -> None:
        self.did += 1
        what.tap()

    def _point(self, canvas: Locator, x: float, y: float) -> None:
        self.did += 1
        canvas.tap(position={"x": x, "y": y})


class Keyboard:
    """Without a pointer. Wherever the focus goes, it can be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.did = 0

    def press(self, what: Locator) -> None:
        self._reach(what)
        is_box = what.evaluate("one => one.type === 'checkbox'")
        self.page.keyboard.press("Space" if is_box else "Enter")

    def fill(self, what: Locator, words: str) -> None:
        self._reach(what)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(words)

    def choose(self, what: Locator, value: str) -> None:
        self._reach(what)
        for key in ("Home", *["ArrowDown"] * what.locator("option").count()):
            if what.input_value() == value:
                return
            self.page.keyboard.press(key)
        assert what.input_value() == value

    def draw(self, corners: Sequence[tuple[float, float]]) -> None:
        raise NotImplementedError("A polygon is drawn with a pointer; a keyboard has the list of zones.")

    def _reach(self, what: Locator) -> None:
        self.did += 1
        what.wait_for()
        for _ in range(MOST_TABS):
            if what.evaluate("one => one === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
            assert not (unseen := self.page.evaluate(UNSEEN)), f"{self.page.url}: {unseen}"
        raise AssertionError(f"{what} cannot be reached by Tab.")
