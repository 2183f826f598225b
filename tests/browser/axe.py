"""axe-core on a page in the browser: WCAG 2.2 AA and best practice."""

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FOUND = """async (tags) => (await axe.run({runOnly: tags})).violations.flatMap(
    (rule) => rule.nodes.map((node) => `${rule.id}: ${node.html} ${node.failureSummary}`))"""
LOOKS = (("light", 1280), ("dark", 390))
NARROW = (640, 320)  # a window of 1,280 px at a zoom of 200 % (WCAG 1.4.4) and of 400 % (1.4.10)
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : ["wider than the window"].concat(
    [...document.querySelectorAll("body *")]
        .filter((one) => one.checkVisibility() && !one.closest(".scroll"))
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 || one.getBoundingClientRect().left < -1)
        .map((one) => one.outerHTML.slice(0, 150)).slice(0, 3))"""

PHONE = (390, 320)
# Words in columns so narrow that they break within, and boxes that touch the one before.
CROWDED = """() => {
    const seen = (one) => one.checkVisibility() && one.getBoundingClientRect().height;
    const tight = [...document.querySelectorAll("main :is(dd, td, th, li, p, span)")].filter(seen)
        .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim().length > 11))
        .filter((one) => getComputedStyle(one).position !== "absolute" && !one.closest(".scroll, svg"))
        .filter((one) => one.getBoundingClientRect().width < 60);
    const boxes = ".card, .calm, .told, button, .button, input, select, textarea";
    const touching = [...document.querySelectorAll(boxes)].filter(seen).filter((one) => {
        const next = one.nextElementSibling;
        if (!next?.matches(boxes) || !seen(next) || one.closest(".maplibregl-ctrl")) return false;
        const [a, b] = [one.getBoundingClientRect(), next.getBoundingClientRect()];
        return a.left < b.right && b.left < a.right && Math.abs(b.top - a.bottom) < 4;
    });
    return [...tight, ...touching].map((one) => one.outerHTML.slice(0, 150)).slice(0, 4);
}"""

# Words and controls of which one lies on the other. What is hidden, or drawn over a map, lies where it likes.
OVERLAPPING = """() => {
    const free = ".hidden, .skip, svg, .maplibregl-map, option";
    const own = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const things = [...document.querySelectorAll("body :is(*)")]
        .filter((one) => one.checkVisibility() && !one.closest(free))
        .filter((one) => own(one) || one.matches("button, .button, input, select, textarea, img"))
        .map((one) => [one, [...one.getClientRects()].filter((box) => box.width > 2 && box.height > 2)]);
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
    const found = [];
    things.forEach(([one, boxes], at) => things.slice(at + 1).forEach(([other, others]) => {
        if (one.contains(other) || other.contains(one)) return;
        if (boxes.some((a) => others.some((b) => meet(a, b)))) found.push([one, other]);
    }));
    return found.map((pair) => pair.map((one) => one.outerHTML.slice(0, 100)).join(" on ")).slice(0, 4);
}"""


def examined(browser: Browser, url: str, locale: str = "en-US") -> BrowserContext:
    """A visitor in whose pages axe is there from the start; the pages' own policy would let no script in later."""
    context = browser.new_context(base_url=url, locale=locale)
    context.set_default_timeout(60_000)
    context.add_init_script(path=AXE)
    return context


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is now: by day on a desk, by night on a phone."""
    page.wait_for_load_state("load")  # with its styles: without them everything is too small to press
    found = []
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        found += [f"{page.url} {scheme}: {one}" for one in page.evaluate(FOUND, TAGS)]
    return found


def too_wide(page: Page) -> list[str]:
    """What makes the page, or its menu, scroll sideways when it is enlarged."""
    found = []
    if (menu := page.locator(".others:not([open]) > summary")).count():
        menu.click()
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 640})
        found += [f"{page.url} at {width} px: {one}" for one in page.evaluate(TOO_WIDE)]
    return found


# Labels that can be seen, of fields that cannot.
UNSEEN_FIELDS = """() => [...document.querySelectorAll("label[for]")]
    .filter((one) => one.checkVisibility() && one.control && !one.control.checkVisibility())
    .map((one) => `no field is seen for ${one.outerHTML}`)"""


def unseen_fields(page: Page) -> list[str]:
    return [f"{page.url}: {one}" for one in page.evaluate(UNSEEN_FIELDS)]


def overlapping(page: Page) -> list[str]:
    """What lies on something else, in the window as it is."""
    return list(page.evaluate(OVERLAPPING))


def crowded(page: Page) -> list[str]:
    """What breaks its words, or touches the box before it, on a phone."""
    found = []
    for width in PHONE:
        page.set_viewport_size({"width": width, "height": 844})
        found += [f"{page.url} at {width} px: {one}" for one in page.evaluate(CROWDED)]
    return found
