// Passkeys: adds one on /settings/passkeys, signs in with one on /login. Both pages say without it what to do instead.

const told = document.querySelector("#passkey-told");

// Says something below the button; a link may follow.
function tell(text, href) {
  told.textContent = text;
  if (!href) return;
  const link = document.createElement("a");
  link.href = href;
  link.textContent = href;
  told.append(" ", link);
}

function fromText(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Asks the server; its own words are the error.
async function ask(place, path, body) {
  const headers = { "content-type": "application/json" };
  if (place.dataset.csrf) headers["x-motet-csrf"] = place.dataset.csrf;
  const answer = await fetch(`/api/v1/auth/passkeys${path}`, { method: "POST", headers, body: JSON.stringify(body ?? {}) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

// Whether passkeys work on this page; says why not.
function works(place) {
  if (location.origin !== place.dataset.at) {
    tell("Passkeys work where this install has its name:", place.dataset.at + location.pathname);
    return false;
  }
  if (!window.PublicKeyCredential) {
    tell("This browser knows no passkeys. Your key signs you in.");
    return false;
  }
  return true;
}

// Does it once at a time, and says what came of it.
async function attempt(button, work, refused) {
  button.disabled = true;
  tell("Your browser asks for your passkey.");
  try {
    await work();
  } catch (error) {
    tell(error.name === "NotAllowedError" ? refused : error.message);
    button.disabled = false;
  }
}

async function add(form) {
  const wish = await ask(form, "/challenge");
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: fromText(wish.challenge),
      rp: { id: wish.rp_id, name: "Motet" },
      user: { id: fromText(wish.user_id), name: wish.user_name, displayName: wish.user_name },
      pubKeyCredParams: wish.algorithms.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: wish.exclude.map((id) => ({ type: "public-key", id: fromText(id) })),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
      timeout: 300000,
    },
  });
  await ask(form, "", {
    label: form.elements.label.value,
    client_data: toText(made.response.clientDataJSON),
    attestation: toText(made.response.attestationObject),
  });
  location.reload();
}

async function signIn(place) {
  const wish = await ask(place, "/sign-in/challenge");
  const met = await navigator.credentials.get({
    publicKey: {
      challenge: fromText(wish.challenge),
      rpId: wish.rp_id,
      userVerification: "required",
      timeout: 300000,
    },
  });
  const said = await ask(place, "/sign-in", {
    credential_id: toText(met.rawId),
    client_data: toText(met.response.clientDataJSON),
    authenticator_data: toText(met.response.authenticatorData),
    signature: toText(met.response.signature),
    user_handle: toText(met.response.userHandle ?? new Uint8Array()),
    return_to: place.dataset.returnTo,
  });
  location.assign(said.location);
}

const form = document.querySelector("#passkey-add");
if (form && works(form)) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(form.querySelector("button"), () => add(form), "No passkey was added. Try again when you are ready.");
  });
}

const place = document.querySelector("#passkey-sign-in");
if (place && works(place)) {
  place.hidden = false;
  const button = place.querySelector("button");
  button.addEventListener("click", () => attempt(button, () => signIn(place), "Nobody was signed in. Try again when you are ready."));
}
