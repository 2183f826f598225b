// Compose: draw the area on a map. The map only writes into the fields of the form, and everything it does can be done
// without it. It is loaded when the page is there already, so nothing waits for it.

import { form } from "/static/compose.js";

const box = document.getElementById("draw");
const note = document.getElementById("draw-note");
const tools = [...document.querySelectorAll("[data-draw]")];
const area = form.elements.area;
const SPACING_MS = 150; // between two counts while drawing
const ROUND = 1e6; // to 0.1 m

let city = null;
let draw = null;
let mode = "zones";

const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
if (document.readyState === "complete") idle(begin);
else window.addEventListener("load", () => idle(begin));

async function begin() {
  style("/static/vendor/maplibre-gl.css");
  style("/static/map.css");
  try {
    const [{ tocsinMap }] = await Promise.all([
      import("/static/map.js"),
      script("/static/vendor/terra-draw.umd.js").then(() => script("/static/vendor/terra-draw-maplibre-gl-adapter.umd.js")),
    ]);
    box.hidden = false;
    city = await tocsinMap(box, { label: box.dataset.label, others: "/console/outside/areas", onPick: pick, onStyle: dress });
  } catch (error) {
    box.hidden = true;
    note.textContent = box.dataset.noMap;
    console.warn("compose: no map:", error);
    return;
  }
  box.tocsin = city; // for tests and debugging
  document.getElementById("draw-tools").hidden = false;
  document.getElementById("where").classList.add("with-map");
  city.map.once("idle", () => box.setAttribute("data-ready", ""));
  form.addEventListener("compose:put", show);
  form.addEventListener("compose:parts", show);
  form.addEventListener("input", show);
}

function style(href) {
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

function script(src) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), { src, onload: resolve });
    element.onerror = () => reject(new Error(`${src} cannot be had.`));
    document.head.append(element);
  });
}

/** Adds our layers, and the tools, to a style that has just been set. */
function dress(map) {
  const name = { emergency: "--danger", rehearsed: "--warm" }[box.dataset.look] ?? "--accent"; // as in tocsin.css
  const accent = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  map.addSource("drawn", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
  map.addLayer({ id: "drawn-fill", type: "fill", source: "drawn", paint: { "fill-color": accent, "fill-opacity": 0.35 } });
  map.addLayer({ id: "drawn-line", type: "line", source: "drawn", paint: { "line-color": accent, "line-width": 3 } });
  const { TerraDraw, TerraDrawPolygonMode, TerraDrawCircleMode } = window.terraDraw;
  const { TerraDrawMapLibreGLAdapter } = window.terraDrawMaplibreGlAdapter;
  draw = new TerraDraw({
    adapter: new TerraDrawMapLibreGLAdapter({ map }),
    modes: [new TerraDrawPolygonMode(), new TerraDrawCircleMode()],
  });
  draw.on("change", () => count());
  draw.on("finish", finish);
  choose(mode);
  highlighted.clear();
  show();
}

const highlighted = new Set();

/** Shows on the map what the fields say: the drawn area, that of the alert before, the zones that are ticked, and those of the kind chosen. */
function show() {
  const source = city?.map.getSource("drawn") ?? null;
  if (!source) return;
  const { earlier } = form.elements;
  const before = earlier?.checked ? polygons(earlier.dataset.area) : [];
  source.setData({ type: "FeatureCollection", features: [...before, ...(polygons(area.value) ?? [])] });
  const ticked = new Set([...form.querySelectorAll('[name^="zone."]:checked')].map((one) => Number(one.name.slice(5))));
  for (const id of new Set([...ticked, ...highlighted])) {
    city.map.setFeatureState({ source: "city", sourceLayer: "zones", id }, { chosen: ticked.has(id) });
  }
  const kind = form.elements.kind?.value ?? "all";
  const leftOut = [...form.querySelectorAll('[name^="but."]:checked')].map((one) => Number(one.name.slice(4)));
  city.show(kind === "all" ? null : [kind], [...ticked, ...leftOut]);
  highlighted.clear();
  ticked.forEach((id) => highlighted.add(id));
}

/** The polygons of GeoJSON, or of corners in lines; [] of nothing, null of what is neither. */
function polygons(words) {
  if (!words.trim()) return [];
  try {
    const document_ = JSON.parse(words);
    const parts = document_.features ?? document_.geometries ?? [document_];
    return parts.map((one) => ({ type: "Feature", properties: {}, geometry: one.geometry ?? one }));
  } catch {
    const corners = words.split(/[;\n]/).filter((line) => line.trim()).map((line) => line.trim().split(/[\s,]+/).map(Number));
    if (corners.length < 3 || corners.flat().some((n) => !Number.isFinite(n)) || corners.some((pair) => pair.length !== 2)) return null;
    return [{ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [[...corners, corners[0]]] } }];
  }
}

function choose(tool) {
  mode = tool;
  city?.watch(tool === "zones");
  if (tool === "zones") {
    if (draw.enabled) draw.stop();
  } else {
    if (!draw.enabled) draw.start();
    draw.setMode(tool);
  }
  for (const button of tools) {
    if (button.dataset.draw !== "clear") button.setAttribute("aria-pressed", String(button.dataset.draw === tool));
  }
  note.textContent = box.dataset[tool];
}

for (const button of tools) {
  button.addEventListener("click", () => {
    if (button.dataset.draw !== "clear") return choose(button.dataset.draw);
    if (draw.enabled) draw.clear();
    write([]);
    note.textContent = box.dataset.removed;
  });
}

/** Ticks the zone that was pressed. Of several zones in one place, the smallest list entry that is shown comes first. */
function pick(zones) {
  if (mode !== "zones") return;
  const boxes = zones.map((zone) => form.elements[`zone.${zone.id}`]).filter(Boolean);
  const chosen = boxes.find((one) => one.checked) ?? boxes[0];
  if (!chosen) return;
  chosen.checked = !chosen.checked;
  chosen.dispatchEvent(new Event("input", { bubbles: true }));
  const said = chosen.checked ? box.dataset.chosen : box.dataset.leftOut;
  note.textContent = said.replace("{zone}", chosen.parentElement.textContent.trim());
}

const rounded = (rings) => rings.map((ring) => ring.map(([x, y]) => [Math.round(x * ROUND) / ROUND, Math.round(y * ROUND) / ROUND]));
const feature = (coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates } });

function finish(id) {
  const done = draw.getSnapshot().find((one) => one.id === id);
  draw.clear();
  if (done?.geometry.type !== "Polygon") return;
  const before = polygons(area.value);
  if (before === null) {
    note.textContent = box.dataset.notGeojson;
    return;
  }
  write([...before, feature(rounded(done.geometry.coordinates))]);
  note.textContent = box.dataset.added;
}

function write(features) {
  area.value = features.length ? JSON.stringify({ type: "FeatureCollection", features }) : "";
  area.closest("details").open ||= features.length > 0;
  area.dispatchEvent(new Event("input", { bubbles: true }));
  if (features.length && !form.elements.area_name.value) form.elements.area_name.closest("details").open = true;
}

let counting = false;
let counted = "";

const sketched = () => draw.enabled && draw.getSnapshot().find((one) => one.geometry.type === "Polygon");

/** Counts the residents of what is being drawn, together with what was chosen before. */
async function count() {
  if (counting) return;
  const sketch = sketched();
  const ring = sketch ? sketch.geometry.coordinates[0] : [];
  if (new Set(ring.map(String)).size < 3) return;
  const features = [...(polygons(area.value) ?? []), feature(rounded(sketch.geometry.coordinates))];
  const words = JSON.stringify({ type: "FeatureCollection", features });
  if (words === counted) return;
  counting = true;
  counted = words;
  try {
    const answer = await fetch(`${form.getAttribute("action")}/count`, {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ area: words }),
    });
    const told = answer.ok ? await answer.json() : null;
    if (told && sketched()) note.textContent = [box.dataset[mode], told.words].join(" "); // unless it was finished meanwhile
  } catch {
    // The count is asked for again with the next corner.
  }
  setTimeout(() => {
    counting = false;
    if (draw.enabled) count();
  }, SPACING_MS);
}
