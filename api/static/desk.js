// Keys of the desk. What has data-keys="s t" is pressed by S and then T, or gets the focus if it is a field; never while
// one types. WCAG 2.2, 2.1.4: single keys can be switched off, at the foot of each page.
"use strict"; // of several with the same keys, the last: the box of a page comes before the link to it in the menu
(() => {
  const KEPT = "tocsin-desk-keys", PAUSE_MS = 2500;
  const box = document.getElementById("keys-on");
  let on = localStorage.getItem(KEPT) !== "off", typed = "", last = 0;
  if (box) {
    box.checked = on;
    box.closest("aside").dataset.ready = "";
    box.addEventListener("change", () => {
      on = box.checked;
      localStorage.setItem(KEPT, on ? "on" : "off");
    });
  }
  const types = (one) => one.isContentEditable || one.matches("textarea, select, input:not([type=checkbox], [type=radio])");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && types(event.target)) event.target.blur();
    if (!on || event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1 || types(event.target)) return;
    typed = Date.now() - last < PAUSE_MS ? `${typed} ${event.key.toLowerCase()}` : event.key.toLowerCase();
    last = Date.now();
    const all = [...document.querySelectorAll("[data-keys]")];
    let found = all.findLast((one) => one.dataset.keys === typed);
    if (!found && !all.some((one) => one.dataset.keys.startsWith(`${typed} `))) {
      typed = event.key.toLowerCase(); // not the second of any: it may be a first
      found = all.findLast((one) => one.dataset.keys === typed);
    }
    if (!found) return;
    event.preventDefault();
    typed = "";
    // A summary opens its own details by the click below.
    const from = found.matches("summary") ? found.parentElement.parentElement : found;
    for (let around = from.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    found.focus();
    if (types(found)) found.select?.();
    else found.click();
    // Enter does what was opened, and does not close it again.
    if (found.matches("summary")) found.parentElement.querySelector("input:not([type=hidden]), select, textarea, button")?.focus();
  });
})();
