// Keeps the page up to date: fetches it again and replaces the parts marked data-live when something has changed.
"use strict";

const PERIOD_MS = 2000;
let version = null;

function exchange(part, fresh) {
  if (part.innerHTML === fresh.innerHTML) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  part.innerHTML = fresh.innerHTML;
  if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

async function refresh() {
  if (document.hidden) return;
  const headers = version ? { "If-None-Match": version } : {};
  const answer = await fetch(location.href, { headers, cache: "no-store" });
  if (!answer.ok) return; // also 304: nothing has changed
  version = answer.headers.get("ETag");
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelectorAll("[data-live]").forEach((part) => {
    const other = fresh.getElementById(part.id);
    if (other) exchange(part, other);
  });
  document.body.classList.remove("away");
}

async function keepFresh() {
  try {
    await refresh();
  } catch {
    document.body.classList.add("away"); // the simulator was stopped; it may come back
  }
  setTimeout(keepFresh, PERIOD_MS);
}

setTimeout(keepFresh, PERIOD_MS);
