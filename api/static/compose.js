// Compose, with scripts: what is typed is saved at once, field by field. Without this file the form works all the same.
//
// A change is kept in the browser (localStorage) until the server has it, so it survives a lost network, an ended session
// and a closed window. The server decides who was first; `seen` is what this window knows of each field.

const form = document.getElementById("draft");
const saved = document.getElementById("saved");
const trouble = document.getElementById("trouble");
const words = form.dataset; // what this file says, in the reader's language
const address = form.getAttribute("action");
const tab = form.elements.tab.value;
const shelf = `tocsin-draft-${form.dataset.draft}-${form.dataset.operator}-`;
const OURS = new Set(["seen", "tab", "find", "kind", "do", "file"]);
const TYPING_MS = 400;
const AGAIN_MS = 3000;

let seen = JSON.parse(form.elements.seen.value); // name -> [version, digest]
const known = new Map(); // name -> the value that the server has, as far as this window knows
let saving = null; // the save that is under way
let timer = 0;
let refused = new Map(); // name -> the value that the server would not take

const fields = () => [...form.elements].filter((field) => field.name && !OURS.has(field.name) && field.type !== "submit");
const clean = (value) => value.replace(/\r\n?/g, "\n");
const valueOf = (field) => (field.type === "checkbox" ? (field.checked ? field.value : "") : clean(field.value));
const find = (name) => fields().find((field) => field.name === name);

function initial(field) {
  if (field.type === "checkbox") return field.defaultChecked ? field.value : "";
  if (field.tagName === "SELECT") return [...field.options].find((one) => one.defaultSelected)?.value ?? field.options[0]?.value ?? "";
  return clean(field.defaultValue);
}

function remember() {
  for (const field of fields()) if (!known.has(field.name)) known.set(field.name, initial(field));
}

/** Fields that differ from what the server has. */
function changed() {
  remember();
  return new Map(fields().map((f) => [f.name, valueOf(f)]).filter(([name, value]) => value !== known.get(name)));
}

/** Writes what the server does not have yet to the browser's storage. */
function shelve() {
  try {
    const waiting = changed();
    const kept = [...waiting].map(([name, value]) => [name, value, seen[name]?.[0] ?? 0]);
    if (kept.length) localStorage.setItem(shelf + tab, JSON.stringify(kept));
    else localStorage.removeItem(shelf + tab);
  } catch (error) {
    console.warn("compose: the browser keeps nothing:", error.message);
  }
}

/** Sends what an earlier window, or this page before it was loaded again, could not send. */
async function unshelve() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(shelf) && key !== shelf + tab);
  for (const key of keys) {
    const kept = JSON.parse(localStorage.getItem(key) ?? "[]");
    const answer = await send(
      Object.fromEntries(kept.map(([name, value]) => [name, value])),
      { ...versions(), ...Object.fromEntries(kept.map(([name, , version]) => [name, version])) },
      key.slice(shelf.length),
    );
    if (!answer) return;
    localStorage.removeItem(key);
    for (const [name, value] of kept) if (answer.kept[name]) put(name, value, answer.kept[name]);
    take(answer);
  }
  if (keys.length) refresh();
}

const versions = () => Object.fromEntries(Object.entries(seen).filter(([, [version]]) => version).map(([n, [v]]) => [n, v]));

/** Posts changes. Returns the answer, or null when they must be sent again; what is wrong then stands on the page. */
async function send(changes, of, window_ = tab) {
  let answer;
  try {
    answer = await fetch(`${address}/fields`, {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ tab: window_, changes, seen: of }),
    });
  } catch {
    say(words.offline);
    again();
    return null;
  }
  if (answer.type === "opaqueredirect") {
    say(`${words.signedOut} `, "/console/sign-in", words.signIn);
    again();
    return null;
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) {
    say("");
    return told;
  }
  if (answer.status === 429 || answer.status >= 500) {
    say(words.busy);
    again();
  } else {
    refused = new Map(Object.entries(changes));
    say(`${told.message ?? words.refused} ${told.hint ?? ""}`);
  }
  return null;
}

function again() {
  clearTimeout(timer);
  timer = setTimeout(save, AGAIN_MS);
}

function say(told, href, link) {
  if (trouble.textContent === told + (link ?? "")) return;
  trouble.replaceChildren(told);
  if (href) trouble.append(Object.assign(document.createElement("a"), { href, target: "_blank", rel: "noopener", textContent: link }));
}

/** Saves everything that changed, one save at a time. Returns whether the server has all of it. */
async function save() {
  clearTimeout(timer);
  while (saving) await saving;
  const waiting = changed();
  const stuck = [...waiting].every(([name, value]) => refused.get(name) === value);
  if (!waiting.size) {
    if (refused.size) say("");
    refused.clear();
    shelve();
    return true;
  }
  if (refused.size && stuck) return false;
  saving = send(Object.fromEntries(waiting), versions());
  saved.textContent = words.saving;
  const answer = await saving;
  saving = null;
  if (!answer) {
    saved.textContent = words.unsaved;
    shelve();
    return false;
  }
  refused.clear();
  for (const [name, value] of waiting) {
    if (!answer.kept[name]) continue;
    known.set(name, value);
    seen[name] = answer.kept[name];
  }
  take(answer);
  shelve();
  saved.textContent = words.saved.replace("{time}", answer.saved_at); // the city's time, whatever the clock of this computer
  refresh();
  return changed().size ? save() : true;
}

/** Shows what others have changed, but never over what is being typed here. */
function take(answer) {
  for (const [name, theirs] of Object.entries(answer.others)) {
    const field = find(name);
    const mine = field && valueOf(field) !== known.get(name) && !answer.set_aside.includes(name);
    if (mine) continue; // the next save sends it with the version that was seen: both values are kept
    put(name, theirs.value, theirs.seen);
    if (field) mark(field, theirs.by);
  }
  form.elements.seen.value = JSON.stringify(seen);
}

function put(name, value, of) {
  seen[name] = of;
  form.elements.seen.value = JSON.stringify(seen);
  known.set(name, value);
  const field = find(name);
  if (!field) return;
  if (field.type === "checkbox") field.checked = value === field.value;
  else {
    if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === value)) field.add(new Option(value, value));
    field.value = value;
  }
  field.dispatchEvent(new CustomEvent("compose:put", { bubbles: true }));
}

function mark(field, by) {
  const box = field.closest(".field, label, fieldset");
  box?.querySelector(".changed-by")?.remove();
  box?.append(Object.assign(document.createElement("span"), { className: "changed-by", textContent: ` ${words.changed.replace("{who}", by)}` }));
}

let refreshing = false;
let stale = false;

/** Fetches the parts of the page that follow from the fields: the count, the messages, the times. */
async function refresh() {
  if (refreshing) {
    stale = true;
    return;
  }
  refreshing = true;
  try {
    await window.htmx?.ajax("GET", `${address}/parts?tab=${tab}`, { source: form, target: saved, swap: "none" });
  } catch (error) {
    console.warn("compose:", error);
  }
  refreshing = false;
  remember();
  form.dispatchEvent(new CustomEvent("compose:parts"));
  if (stale) {
    stale = false;
    refresh();
  }
}

form.addEventListener("input", (event) => {
  if (OURS.has(event.target.name)) return;
  shelve();
  clearTimeout(timer);
  timer = setTimeout(save, event.target.type === "checkbox" || event.target.tagName === "SELECT" ? 0 : TYPING_MS);
});
document.addEventListener("input", (event) => {
  if (event.target.form === form && !form.contains(event.target)) save(); // boxes that stand outside of the form
});
window.addEventListener("online", save);
window.addEventListener("focus", () => save());
window.addEventListener("pagehide", shelve);

// The form itself: what it sends is what is not saved yet, so Review waits for the last save.
form.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (form.dataset.go) return;
  event.preventDefault();
  if (button?.value === "find") return;
  if (!(await save())) {
    trouble.scrollIntoView({ block: "nearest" });
    return;
  }
  if (button?.value !== "review") {
    refresh();
    return;
  }
  form.elements.seen.value = JSON.stringify(seen);
  form.dataset.go = "yes";
  await new Promise((next) => setTimeout(next)); // a form that is still being sent cannot be sent again
  form.requestSubmit(button);
});
window.addEventListener("pageshow", () => delete form.dataset.go);

// A file becomes the drawn area.
form.elements.file?.addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  form.elements.area.value = await file.text();
  event.target.value = "";
  form.elements.area.dispatchEvent(new Event("input", { bubbles: true }));
});

// The list has the zones of one kind, or of all, and shrinks as one types. Chosen ones stay.
function list() {
  const wanted = form.elements.find?.value.trim().toLowerCase() ?? "";
  const kind = form.elements.kind?.value ?? "all";
  for (const item of form.querySelectorAll(".zone-list li")) {
    const listed = item.textContent.toLowerCase().includes(wanted) && ["all", item.parentElement.dataset.kind].includes(kind);
    item.hidden = !listed && !item.querySelector("input").checked;
  }
  for (const title of form.querySelectorAll(".zone-list h3")) {
    title.hidden = ![...title.nextElementSibling.children].some((item) => !item.hidden);
  }
}
form.elements.find?.addEventListener("input", list);
form.elements.kind?.addEventListener("input", (event) => {
  list();
  const here = new URL(location.href);
  here.searchParams.set("kind", event.target.value);
  history.replaceState(null, "", here);
});
form.addEventListener("compose:put", (event) => event.target.closest(".zone-list") && list());
form.querySelector('[name="do"][value="find"]')?.setAttribute("hidden", "");

remember();
await unshelve();
if (changed().size) save(); // what the browser has filled in again

export { form, save, refresh };
