// The public map of the alerts in force. It is loaded when somebody asks for it: the list says the same in a tenth of the time.

const map = document.getElementById("alerts-map");
const show = document.getElementById("show-map");

show.hidden = false;
show.addEventListener("click", async () => {
  show.disabled = true;
  for (const sheet of ["/static/vendor/maplibre-gl.css", "/static/map.css"]) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: sheet }));
  }
  map.hidden = false;
  try {
    const { tocsinMap } = await import("/static/map.js");
    const drawn = await tocsinMap(map, { label: map.dataset.label, kinds: [], ours: map.dataset.areas });
    const areas = await (await fetch(map.dataset.areas)).json();
    const box = boxOf(areas.features);
    if (box) drawn.fit(box, { maxZoom: 14 });
    map.tocsin = drawn; // for tests
    show.hidden = true;
  } catch (error) {
    console.warn(error);
    map.replaceChildren(Object.assign(document.createElement("p"), { className: "fallback", textContent: map.dataset.noMap }));
    show.hidden = true;
  }
});

/** Returns the box of all areas: west, south, east, north; null without any. */
function boxOf(features) {
  const points = features.flatMap((one) => (one.geometry ? one.geometry.coordinates.flat(Infinity) : []));
  if (!points.length) return null;
  const lons = points.filter((_, n) => n % 2 === 0);
  const lats = points.filter((_, n) => n % 2 === 1);
  const least = (all) => all.reduce((a, b) => Math.min(a, b));
  const most = (all) => all.reduce((a, b) => Math.max(a, b));
  return [least(lons), least(lats), most(lons), most(lats)];
}
