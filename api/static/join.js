// Where somebody wants alerts for: an address that is completed while it is typed, the device's own place, or a point on
// the city's map. The page works without this script; all that it does is to fill in the fields of its form.

const PAUSE_MS = 150; // after the last key, before the server is asked
const LOOK_MS = 15_000; // for the device

for (const part of document.querySelectorAll("[data-where]")) begin(part);

function begin(part) {
  const address = part.querySelector("#address");
  const { required } = address; // not where no address may be given
  const point = part.querySelector('[name="point"]');
  const line = part.querySelector("[data-found-line]");
  const box = part.querySelector("[data-map]");
  const device = part.querySelector("[data-device]");
  part.querySelector("[data-ways]").hidden = false;
  device.hidden = !navigator.geolocation;

  complete(part, address);
  if (point.value) take(point.value, part.dataset.put);

  device.addEventListener("click", () => {
    say(part.dataset.finding);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => take(`${coords.longitude.toFixed(6)} ${coords.latitude.toFixed(6)}`, part.dataset.found),
      () => say(part.dataset.lost, true),
      { enableHighAccuracy: true, timeout: LOOK_MS, maximumAge: 60_000 },
    );
  });
  part.querySelector("[data-draw]").addEventListener("click", (event) => draw(event.currentTarget));
  part.querySelector("[data-forget]").addEventListener("click", () => {
    point.value = "";
    address.required = required;
    line.hidden = true;
    address.focus();
  });

  /** Takes a point; the address is not needed any more. */
  function take(where, words) {
    point.value = where;
    address.required = false;
    say(words);
  }

  function say(words, lost = false) {
    line.hidden = false;
    line.classList.toggle("lost", lost);
    line.querySelector("span").textContent = words;
    line.querySelector("[data-forget]").hidden = !point.value;
  }

  async function draw(button) {
    button.hidden = true;
    box.hidden = false;
    try {
      for (const href of ["/static/vendor/maplibre-gl.css", "/static/map.css"]) {
        document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
      }
      const { tocsinMap } = await import("/static/map.js");
      const city = await tocsinMap(box, { label: box.dataset.label, kinds: [] });
      box.tocsin = city; // for tests and debugging
      const [lon, lat] = point.value.split(" ").map(Number);
      if (point.value) city.map.jumpTo({ center: [lon, lat], zoom: 16 });
      city.map.on("click", ({ lngLat }) => city.map.easeTo({ center: lngLat, zoom: Math.max(city.map.getZoom(), 15) }));
      city.map.on("moveend", () => {
        const { lng, lat: north } = city.map.getCenter();
        take(`${lng.toFixed(6)} ${north.toFixed(6)}`, part.dataset.put);
      });
      city.map.once("idle", () => box.setAttribute("data-ready", ""));
      city.map.getCanvas().focus();
    } catch (error) {
      box.hidden = true;
      say(part.dataset.noMap, true);
      console.warn("join: no map:", error);
    }
  }
}

/** Completes an address: a combobox with a list, by the pattern of the ARIA authoring practices. */
function complete(part, input) {
  const list = Object.assign(document.createElement("ul"), { className: "suggestions", id: "suggestions", hidden: true });
  const told = Object.assign(document.createElement("p"), { className: "hidden" });
  const place = Object.assign(document.createElement("input"), { type: "hidden", name: "place", disabled: true });
  let at = -1;
  let timer = 0;
  let asking = null;
  told.setAttribute("role", "status");
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", part.dataset.places);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, autocomplete: "off",
  })) input.setAttribute(name, value);
  input.after(list, told, place);

  input.addEventListener("input", () => {
    place.disabled = true;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && list.children.length) {
      event.preventDefault();
      open(true);
      mark((at + move + list.children.length) % list.children.length);
    } else if (event.key === "Enter" && at >= 0 && !list.hidden) {
      event.preventDefault();
      choose(list.children[at]);
    } else if (event.key === "Escape") open(false);
  });
  input.addEventListener("blur", () => setTimeout(() => open(false), PAUSE_MS));
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (option) choose(option);
  });

  async function ask() {
    asking?.abort();
    if (input.value.trim().length < 3) return open(false);
    asking = new AbortController();
    try {
      const body = new URLSearchParams({ text: input.value });
      const answer = await fetch("/join/suggest", { method: "POST", body, signal: asking.signal });
      if (answer.ok) show((await answer.json()).matches);
    } catch (error) {
      if (error.name !== "AbortError") console.warn("join: no suggestions:", error);
    }
  }

  function show(matches) {
    list.replaceChildren(
      ...matches.map((match, n) => {
        const option = Object.assign(document.createElement("li"), { id: `suggestion-${n}`, textContent: match.label });
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.dataset.place = match.whole ? `${match.lon} ${match.lat} ${match.label}` : "";
        return option;
      }),
    );
    at = -1;
    open(matches.length > 0 && document.activeElement === input);
    told.textContent =
      matches.length === 1 ? part.dataset.one : matches.length ? part.dataset.many.replace("{n}", matches.length) : "";
  }

  function mark(n) {
    at = n;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === n)));
    input.setAttribute("aria-activedescendant", list.children[n].id);
    list.children[n].scrollIntoView({ block: "nearest" });
  }

  /** Takes a whole place; of a street only its name, for the number is still to come. */
  function choose(option) {
    input.value = option.textContent;
    place.value = option.dataset.place;
    place.disabled = !place.value;
    open(false);
    input.focus();
  }

  function open(is) {
    list.hidden = !is;
    input.setAttribute("aria-expanded", String(is));
    if (!is) {
      at = -1;
      input.removeAttribute("aria-activedescendant");
    }
  }
}
