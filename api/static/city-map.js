// The page of the city's map: the list of zones and the map move together.

import { tocsinMap } from "/static/map.js";

const element = document.getElementById("map");
const about = document.getElementById("about");
const names = document.getElementById("names");
const find = document.getElementById("find");
const boxes = [...document.querySelectorAll('input[name="kind"]')];
const links = new Map([...document.querySelectorAll("a[data-zone]")].map((link) => [Number(link.dataset.zone), link]));
let chosen = links.get(Number(new URLSearchParams(location.search).get("zone"))) ?? null;

// Zones of different kinds overlap, so only the first kind is shown at the start.
if (boxes.length && !boxes.some((box) => box.checked)) boxes[0].checked = true;

const shown = () => boxes.filter((box) => box.checked).map((box) => box.value);

let city = null;
try {
  city = await tocsinMap(element, {
    label: element.dataset.label,
    kinds: shown(),
    ours: "/console/map/in-force",
    others: "/console/outside/areas",
    onPoint: (zones) => tell(zones.length ? zones.map((zone) => links.get(zone.id)).filter(Boolean) : [chosen]),
    onPick: (zones) => pick(zones.length ? nearest(zones) : null, false),
  });
} catch (error) {
  element.replaceChildren(Object.assign(document.createElement("p"), {
    className: "fallback",
    textContent: element.dataset.noMap,
  }));
  console.warn(error);
}

// For tests and debugging.
element.tocsin = city;

if (city) {
  document.querySelectorAll(".needs-script").forEach((part) => (part.hidden = false));
  list();
  tell([chosen]);
  if (chosen) pick(chosen, true);
}

boxes.forEach((box) => box.addEventListener("change", list));
find?.addEventListener("input", list);
names?.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-zone]");
  if (!city || !link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  pick(link, true);
});

/** Returns the next of several zones at the pointer, so that repeated clicks go through them. */
function nearest(zones) {
  const under = zones.map((zone) => links.get(zone.id)).filter(Boolean);
  return under[(under.indexOf(chosen) + 1) % under.length] ?? null;
}

function pick(link, fit) {
  chosen?.removeAttribute("aria-current");
  chosen = link;
  city.choose(link ? Number(link.dataset.zone) : null);
  tell([link]);
  history.replaceState(null, "", link ? link.getAttribute("href") : location.pathname);
  if (!link) return;
  link.setAttribute("aria-current", "true");
  if (fit && link.dataset.box) city.fit(link.dataset.box.split(",").map(Number));
  else link.closest("li").scrollIntoView({ block: "nearest" });
}

/** Describes in words what is at the pointer, or what was chosen. */
function tell(zones) {
  about?.replaceChildren(
    ...zones.filter(Boolean).map((link) => {
      const line = document.createElement("p");
      const name = Object.assign(document.createElement("strong"), { textContent: link.dataset.name });
      const facts = Object.assign(document.createElement("span"), {
        textContent: link.dataset.facts,
      });
      line.append(name, " ", facts);
      return line;
    }),
  );
}

function list() {
  if (!names) return;
  const kinds = shown();
  const wanted = find.value.trim().toLowerCase();
  for (const link of links.values()) {
    link.parentElement.hidden = !link.dataset.name.toLowerCase().includes(wanted);
  }
  let any = false;
  for (const section of names.querySelectorAll("section")) {
    const has = [...section.querySelectorAll("li")].some((item) => !item.hidden);
    section.hidden = !kinds.includes(section.dataset.kind) || !has;
    any ||= !section.hidden;
  }
  names.querySelector(".none").hidden = any;
  city?.show(kinds);
}
