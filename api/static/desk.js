// Keys of the desk. What has data-keys="s t" is pressed by S and then T, or gets the focus if it is a field; never while
// one types. WCAG 2.2, 2.1.4: single keys can be switched off, at the foot of each page.
"use strict"; // of several with the same keys, the last: the box of a page comes before the link to it in the menu
(() => {
  const KEPT = "tocsin-desk-keys", PAUSE_MS = 8000; // long enough to read what may follow on a letter
  const box = document.getElementById("keys-on");
  let on = localStorage.getItem(KEPT) !== "off", typed = "", pause = 0, unfolded = null;
  if (box) {
    box.checked = on;
    // After htmx, which listens for this before us: what is ready takes an Enter in its place, too.
    document.addEventListener("DOMContentLoaded", () => (box.closest("aside").dataset.ready = ""));
    box.addEventListener("change", () => {
      on = box.checked;
      localStorage.setItem(KEPT, on ? "on" : "off");
    });
  }
  const types = (one) => one.isContentEditable || one.matches("textarea, select, input:not([type=checkbox], [type=radio])");
  // A summary opens its own details when it is pressed.
  const fold = (one) => (one.matches("summary") ? one.parentElement.parentElement : one).closest("details");
  const forget = () => {
    typed = "";
    clearTimeout(pause);
    for (const one of document.querySelectorAll("[data-begun]")) delete one.dataset.begun;
  };
  // Show what can follow on the first key: the group of its keys, and the one fold that has them all.
  const begin = (some) => {
    pause = setTimeout(forget, PAUSE_MS);
    const around = fold(some[0]), group = some[0].closest("fieldset");
    if (!around || !group || some.some((one) => one.closest("fieldset") !== group)) return;
    if (!around.open) unfolded = around;
    around.open = true;
    group.dataset.begun = "";
    group.scrollIntoView({block: "nearest"});
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (types(event.target)) event.target.blur();
      else if (unfolded) unfolded.open = false;
      unfolded = null;
      forget();
    }
    if (!on || event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1 || types(event.target)) return;
    const key = event.key.toLowerCase(), keys = typed ? `${typed} ${key}` : key;
    forget();
    const all = [...document.querySelectorAll("[data-keys]")];
    // The last key alone, where both together are nothing: it may be a first.
    for (const given of new Set([keys, key])) {
      const found = all.findLast((one) => one.dataset.keys === given);
      const some = all.filter((one) => one.dataset.keys.startsWith(`${given} `));
      if (!found && !some.length) continue;
      event.preventDefault();
      if (found) return act(found);
      typed = given;
      return begin(some);
    }
  });
  function act(found) {
    for (let around = fold(found); around; around = around.parentElement.closest("details")) around.open = true;
    found.focus();
    if (types(found)) found.select?.();
    else found.click();
    // Enter does what was opened, and does not close it again.
    if (found.matches("summary")) found.parentElement.querySelector("input:not([type=hidden]), select, textarea, button")?.focus();
  }
})();
