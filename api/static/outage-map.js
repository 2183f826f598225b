// The map of an outage at the desk: its area, and the squares where residents say that service is out. The table beside
// it says the same by zone; when the table is new, so are the squares.

import { tocsinMap } from "/static/map.js";

const element = document.getElementById("reports-map");
const address = new URL(element.dataset.squares, location.href).href;
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

try {
  const found = await read();
  const drawn = await tocsinMap(element, { label: element.dataset.label, kinds: [], onStyle: (map) => draw(map, found) });
  const points = found.features.flatMap((one) => one.geometry.coordinates.flat(Infinity));
  const lons = points.filter((_, n) => n % 2 === 0);
  const lats = points.filter((_, n) => n % 2 === 1);
  const least = (all) => all.reduce((a, b) => Math.min(a, b));
  const most = (all) => all.reduce((a, b) => Math.max(a, b));
  drawn.fit([least(lons), least(lats), most(lons), most(lats)], { maxZoom: 14, duration: 0 });
  document.body.addEventListener("htmx:afterSwap", async (event) => {
    if (event.detail.target.id !== "reports") return;
    Object.assign(found, await read());
    drawn.map.getSource("reports")?.setData(found);
  });
  element.tocsin = drawn; // for tests
} catch (error) {
  console.warn(error);
  element.replaceChildren(Object.assign(document.createElement("p"), { className: "fallback", textContent: element.dataset.noMap }));
}

async function read() {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The squares cannot be had: ${answer.status}.`);
  return answer.json();
}

/** Draws the area as an outline; squares the fuller the more residents; a thick edge for those since it was restored. */
function draw(map, data) {
  const squares = ["==", ["get", "of"], "square"];
  map.addSource("reports", { type: "geojson", data });
  map.addLayer({
    id: "reports-area",
    type: "line",
    source: "reports",
    filter: ["==", ["get", "of"], "area"],
    paint: { "line-color": ink("--accent"), "line-width": 2, "line-dasharray": [3, 2] },
  });
  map.addLayer({
    id: "reports-fill",
    type: "fill",
    source: "reports",
    filter: squares,
    paint: { "fill-color": ink("--danger"), "fill-opacity": ["interpolate", ["linear"], ["get", "residents"], 1, 0.2, 20, 0.6] },
  });
  map.addLayer({
    id: "reports-line",
    type: "line",
    source: "reports",
    filter: squares,
    paint: { "line-color": ink("--danger"), "line-width": ["case", [">", ["get", "since"], 0], 5, 1] },
  });
  map.addLayer({
    id: "reports-number",
    type: "symbol",
    source: "reports",
    filter: squares,
    layout: {
      "text-field": ["get", "label"],
      "text-font": map.getLayoutProperty("zone-name", "text-font"),
      "text-size": 14,
      "text-allow-overlap": true,
    },
    paint: { "text-color": ink("--ink"), "text-halo-color": ink("--card"), "text-halo-width": 2 },
  });
}
