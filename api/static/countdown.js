// Count down before an emergency is launched, and let it be stopped. Without JavaScript the server asks once more.
"use strict";

const SECOND_MS = 1000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.dataset.countdown) return;
  event.preventDefault();
  if (!form.dataset.counting) countDown(form); // a double click counts once
});

// A page that the browser kept, and shows again after Back, may be out of date.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

function countDown(form) {
  form.dataset.counting = "yes";
  const button = form.querySelector("button:not([type=button])");
  button.disabled = true;
  const panel = document.createElement("div");
  panel.className = "countdown";
  const words = document.createElement("p");
  words.setAttribute("role", "alert");
  const bar = document.createElement("progress");
  bar.setAttribute("aria-hidden", "true");
  const stop = document.createElement("button");
  stop.type = "button";
  stop.className = "danger";
  stop.textContent = form.dataset.stop;
  panel.append(words, bar, stop);
  form.append(panel);
  stop.focus();

  let left = Number(form.dataset.countdown);
  bar.max = left;
  const tick = () => {
    words.textContent = left > 0 ? form.dataset.launches.replace("{seconds}", left) : form.dataset.launching;
    bar.value = left;
    if (left <= 0) return finish();
    left -= 1;
    return undefined;
  };
  const timer = window.setInterval(tick, SECOND_MS);
  const end = () => {
    window.clearInterval(timer);
    document.removeEventListener("keydown", onKey);
  };
  const halt = () => {
    end();
    delete form.dataset.counting;
    button.disabled = false;
    words.textContent = form.dataset.stopped;
    bar.remove();
    stop.remove();
    panel.className = "countdown stopped";
    window.setTimeout(() => panel.remove(), 10 * SECOND_MS);
    button.focus();
  };
  const onKey = (event) => {
    if (event.key === "Escape") halt();
  };
  const finish = () => {
    end();
    if (!form.isConnected) return; // somebody else has moved the alert on meanwhile
    stop.remove();
    const counted = document.createElement("input");
    counted.type = "hidden";
    counted.name = "counted";
    counted.value = "yes";
    form.append(counted);
    HTMLFormElement.prototype.submit.call(form);
  };
  stop.addEventListener("click", halt);
  document.addEventListener("keydown", onKey);
  tick();
}
