// Words, with scripts: a click on a blank puts it where the cursor is. Without this file it is typed.

const form = document.getElementById("words");
let last = null; // the field that was written in last

form.addEventListener("focusin", (event) => {
  if (event.target.tagName === "TEXTAREA") last = event.target;
});

function put(blank) {
  const field = last ?? form.querySelector("textarea");
  field.setRangeText(blank, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

for (const chip of form.querySelectorAll("[data-blank]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = chip.textContent;
  button.addEventListener("click", () => put(chip.textContent));
  chip.replaceWith(button);
}
