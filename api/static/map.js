// The city's map in an element. Style, tiles and scripts come from this server; labels are drawn with the fonts of the
// reader's own machine.
//
//   import { tocsinMap } from "/static/map.js";
//   const city = await tocsinMap(element, { kinds: ["neighbourhood"], onPick: (zones, at) => ... });
//   city.choose(12); city.show(["snow"]); city.fit([west, south, east, north]);
//
// `city.map` is MapLibre's own map, for what else is to be drawn on it: add sources and layers in `onStyle`, which is
// called again whenever the reader's machine changes between its light and its dark theme.

import * as maplibre from "/static/vendor/maplibre-gl.mjs";

const ZONE_LAYERS = ["zone-fill", "zone-line", "zone-name"];
const FITTING = { padding: 40, maxZoom: 16, duration: 500 };
const dark = matchMedia("(prefers-color-scheme: dark)");

// The security policy of a worker is the one served with its script.
maplibre.setWorkerUrl(new URL("/map/worker.mjs", location.href).href);

/**
 * @param {HTMLElement} element  becomes the map; what stood in it stays until the map can be drawn
 * @param {object} options
 *   styleUrl   where the style is; `theme=light|dark` is added
 *   kinds      kinds of zones to show; null: all
 *   label      what the map is called to those who do not see it
 *   onPoint    (zones, lngLat) when the pointer moves to other zones; [] when it leaves them
 *   onPick     (zones, lngLat) when the map is pressed
 *   ours       where the areas of our alerts in force are, as GeoJSON: filled, by their look, with their numbers
 *   others     where the areas of other agencies' warnings are, as GeoJSON: dashed outlines
 *   onStyle    (map, theme) whenever a style has been set
 * @returns {Promise} of `{map, theme, show, choose, watch, fit, remove}`; it is refused where there is no WebGL
 */
export async function tocsinMap(element, options = {}) {
  const { styleUrl = "/map/style.json", label = "Map", ours, others, onPoint, onPick, onStyle } = options;
  let kinds = options.kinds ?? null;
  let always = []; // ids of zones that are shown whatever their kind
  let chosen = null;
  let pointed = [];
  let watched = true;
  const style = await readStyle(styleUrl);
  const extent = style.metadata.extent;
  const fallback = [...element.children];
  const map = new maplibre.Map({
    container: element,
    style,
    ...(extent ? { bounds: extent, fitBoundsOptions: { padding: 16 } } : { center: [0, 0], zoom: 2 }),
    minZoom: 7,
    maxZoom: 19,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    attributionControl: style.sources.below?.attribution ? { compact: false } : false,
    fadeDuration: 150,
    locale: { "Map.Title": label },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new maplibre.ScaleControl({ unit: "imperial" }), "bottom-left");
  fallback.forEach((child) => child.remove());

  const ofZone = (id) => ({ source: "city", sourceLayer: "zones", id });

  function dress() {
    const filter = kinds && ["any", ["in", ["get", "kind"], ["literal", kinds]], ["in", ["id"], ["literal", always]]];
    for (const layer of ZONE_LAYERS) {
      map.setFilter(layer, layer === "zone-name" ? allOf(["==", ["get", "of"], "zone"], filter) : filter);
    }
    if (chosen !== null) map.setFeatureState(ofZone(chosen), { chosen: true });
  }

  function zonesAt(point) {
    const found = map.queryRenderedFeatures(point, { layers: ["zone-fill"] });
    const byId = new Map(found.map((zone) => [zone.id, { id: zone.id, ...zone.properties }]));
    return [...byId.values()];
  }

  function point(zones, at) {
    if (zones.map((zone) => zone.id).join() === pointed.map((zone) => zone.id).join()) return;
    for (const zone of pointed) map.setFeatureState(ofZone(zone.id), { pointed: false });
    for (const zone of zones) map.setFeatureState(ofZone(zone.id), { pointed: true });
    pointed = zones;
    map.getCanvas().style.cursor = zones.length && onPick ? "pointer" : "";
    onPoint?.(zones, at);
  }

  map.on("style.load", () => {
    dress();
    onStyle?.(map, theme());
    if (ours) drawOurs(map, ours);
    if (others) drawOthers(map, others);
  });
  map.on("mousemove", (event) => watched && point(zonesAt(event.point), event.lngLat));
  map.on("mouseout", () => point([], null));
  map.on("click", (event) => onPick?.(zonesAt(event.point), event.lngLat));
  map.on("error", (event) => console.warn("map:", event.error?.message ?? event.error));

  const redress = async () => map.setStyle(await readStyle(styleUrl), { diff: false });
  dark.addEventListener("change", redress);

  return {
    map,
    theme,
    /** Zones of these kinds only, and those with the ids `also`; null: all. */
    show(wanted, also = []) {
      kinds = wanted;
      always = also;
      if (map.isStyleLoaded() || map.getLayer("zone-fill")) dress();
    },
    /** Highlights a zone; null: none. */
    choose(id) {
      if (chosen !== null) map.setFeatureState(ofZone(chosen), { chosen: false });
      chosen = id;
      if (id !== null && map.getSource("city")) map.setFeatureState(ofZone(id), { chosen: true });
    },
    /** Whether the zones under the pointer are highlighted: not while something is drawn. */
    watch(on) {
      watched = on;
      if (!on) point([], null);
    },
    /** Moves to a box: west, south, east, north. */
    fit(box, more = {}) {
      map.fitBounds(box, { ...FITTING, ...more });
    },
    remove() {
      dark.removeEventListener("change", redress);
      map.remove();
    },
  };
}

/** Draws what is in force over the zones, below what others warn of. Numbers are those of the list beside the map. */
function drawOurs(map, address) {
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const hue = ["match", ["get", "look"], "emergency", ink("--danger"), "rehearsed", ink("--warm"), ink("--accent")];
  map.addSource("ours", { type: "geojson", data: new URL(address, location.href).href });
  map.addLayer({
    id: "ours-fill",
    type: "fill",
    source: "ours",
    filter: ["!=", ["get", "look"], "clear"],
    paint: { "fill-color": hue, "fill-opacity": 0.35 },
  });
  map.addLayer({ id: "ours-line", type: "line", source: "ours", paint: { "line-color": hue, "line-width": 3 } });
  map.addLayer({
    id: "ours-number",
    type: "symbol",
    source: "ours",
    layout: {
      "text-field": ["to-string", ["get", "alert"]],
      "text-font": map.getLayoutProperty("zone-name", "text-font"),
      "text-size": 18,
      "text-allow-overlap": true,
    },
    paint: { "text-color": ink("--ink"), "text-halo-color": ink("--card"), "text-halo-width": 2 },
  });
}

/** Draws what other agencies warn of over everything else. */
function drawOthers(map, address) {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  map.addSource("others", { type: "geojson", data: new URL(address, location.href).href });
  map.addLayer({
    id: "others-line",
    type: "line",
    source: "others",
    paint: { "line-color": ink, "line-width": 2.5, "line-dasharray": [3, 2] },
  });
}

function theme() {
  return dark.matches ? "dark" : "light";
}

/** Makes the URLs of a style absolute, because a worker has no page to resolve relative ones. */
async function readStyle(styleUrl) {
  const address = new URL(styleUrl, location.href);
  address.searchParams.set("theme", theme());
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The map's style cannot be had: ${answer.status}.`);
  const style = await answer.json();
  for (const source of Object.values(style.sources)) {
    source.tiles = source.tiles?.map((tile) => (tile.startsWith("/") ? location.origin + tile : tile));
    if (source.tiles === undefined) delete source.tiles;
    if (source.url?.startsWith("pmtiles://")) {
      await readArchives();
      source.url = source.url.replace("pmtiles://", `pmtiles://${location.origin}`);
    }
  }
  return style;
}

let archives = null;

/** Lets MapLibre read tiles from a PMTiles file. The library is loaded only if there is such a file. */
function readArchives() {
  archives ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/static/vendor/pmtiles.js";
    script.onload = () => resolve(maplibre.addProtocol("pmtiles", new window.pmtiles.Protocol().tile));
    script.onerror = () => reject(new Error("pmtiles.js cannot be had."));
    document.head.append(script);
  });
  return archives;
}

function allOf(...filters) {
  const given = filters.filter(Boolean);
  return given.length === 1 ? given[0] : ["all", ...given];
}
