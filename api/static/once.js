// Send each form of staff once: the answer to a second click would say that it was done already. The server does nothing
// twice either way. Forms that count down have their own care (countdown.js).
"use strict";

const AGAIN_AFTER_MS = 5000; // nothing came back: it may be tried again

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.countdown) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  window.setTimeout(() => delete form.dataset.sent, AGAIN_AFTER_MS);
});

// A page that the browser kept, and shows again after Back: its forms may be sent anew.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
