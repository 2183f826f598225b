// A tablet at an event (api/resident/tablet.py): who walks away from a half-filled form leaves nothing to the next one.
"use strict";

const idleFor = Number(document.documentElement.querySelector("[data-idle-s]").dataset.idleS) * 1000;
const first = `/tablet?lang=${document.documentElement.lang}`;
let timer;

function restart() {
  clearTimeout(timer);
  timer = setTimeout(() => location.replace(first), idleFor);
}

for (const act of ["pointerdown", "keydown", "input", "scroll"]) addEventListener(act, restart, { passive: true });
// A page that the browser kept for its back button is loaded anew.
addEventListener("pageshow", (shown) => { if (shown.persisted) location.replace(first); });
restart();
