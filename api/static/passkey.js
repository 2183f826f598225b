// Passkeys by the browser's own means. A button with `data-passkey` asks our server for options, lets the browser talk
// to the person, and sends the answer with the form that the button is in. Without support the buttons stay hidden.
const supported = "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;

async function answer(button) {
  const asked = await fetch(button.dataset.passkey, {method: "POST", headers: {Accept: "application/json"}});
  if (!asked.ok || !asked.headers.get("content-type").startsWith("application/json")) {
    throw new Error(button.dataset.noAnswer);
  }
  const options = await asked.json();
  if (button.hasAttribute("data-new")) {
    return navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)});
  }
  return navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)});
}

async function press(button) {
  const form = button.closest("form");
  const said = form.querySelector("[data-passkey-said]");
  button.disabled = true;
  said.textContent = "";
  try {
    const credential = await answer(button);
    form.querySelector("[data-passkey-answer]").value = JSON.stringify(credential.toJSON());
    form.submit(); // not requestSubmit: the password beside it stays empty
  } catch (error) {
    const known = {NotAllowedError: button.dataset.cancelled, InvalidStateError: button.dataset.hasOne};
    said.textContent = known[error.name] || error.message;
    button.disabled = false;
  }
}

for (const button of supported ? document.querySelectorAll("[data-passkey]") : []) {
  button.closest("[data-passkey-only]").hidden = false;
  button.addEventListener("click", () => press(button));
}
