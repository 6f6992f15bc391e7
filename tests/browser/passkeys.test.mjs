// A person adds a passkey in the settings, signs in with it, and removes it. The authenticator is Chromium's own.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { axe, lodging } from "./house.mjs";

const { home, chrome, address: printed } = lodging();
// Where passkeys work on this machine: browsers make none for an address.
let named;

before(() => {
  named = home.address.replace("127.0.0.1", "localhost");
});

// The address that `motet login --web` prints, at `place`.
const address = async (place) => (await printed()).replace(home.address, place);

// A device that holds passkeys and knows its person.
async function authenticator(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    verifies: (isUserVerified) => session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
    passkeys: async () => (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    remove: (credentialId) => session.send("WebAuthn.removeCredential", { authenticatorId, credentialId }),
    add: (credential) => session.send("WebAuthn.addCredential", { authenticatorId, credential }),
  };
}

async function signedIn(options, journey, place = named) {
  const context = await chrome.newContext(options);
  try {
    const page = await context.newPage();
    const faults = [];
    // A refusal of the server is told on the page; the browser logs its status as well.
    const isFault = (message) => message.type() === "error" && !message.text().includes("status of 40");
    page.on("console", (message) => isFault(message) && faults.push(message.text()));
    page.on("pageerror", (error) => faults.push(String(error)));
    const device = await authenticator(page);
    await page.goto(await address(place));
    await page.getByRole("button", { name: "Sign in as demo" }).click();
    await page.waitForURL(`${place}/`);
    await journey(page, device);
    assert.deepEqual(faults, [], "the browser complained");
  } finally {
    await context.close();
  }
}

async function signOut(page) {
  await page.getByRole("button", { name: "Sign out of this browser" }).click();
  await page.waitForURL(`${named}/`);
  assert.equal(await page.getByRole("link", { name: "Sign in" }).count(), 1);
}

async function add(page, label) {
  await page.goto(`${named}/settings/passkeys`);
  await page.getByLabel("What is it called?").fill(label);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("rowheader", { name: label }).waitFor();
}

async function told(page, pattern) {
  await page.locator("#passkey-told", { hasText: pattern }).waitFor();
}

test("a person adds a passkey, signs in with it, adds another one and removes them", async () => {
  await signedIn({}, async (page, device) => {
    await page.locator(".site summary").click();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("link", { name: "Passkeys" }).click();
    await page.waitForURL("**/settings/passkeys");
    assert.match(await page.locator("main").innerText(), /No passkeys/);
    await add(page, "this laptop");
    const [passkey] = await device.passkeys();
    assert.equal(passkey.rpId, "localhost");
    assert.equal(passkey.isResidentCredential, true);
    await signOut(page);

    await page.goto(`${named}/login?return_to=/settings/passkeys`);
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.waitForURL("**/settings/passkeys");
    assert.doesNotMatch(await page.getByRole("row", { name: "this laptop" }).innerText(), /never/);
    // The sign-in is fresh: it may take the passkey away. The device knows it already and makes no second one.
    await page.getByLabel("What is it called?").fill("again");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await told(page, /already|No passkey was added/);
    await page.getByRole("button", { name: "Remove this laptop" }).click();
    await page.waitForURL("**/settings/passkeys");
    assert.match(await page.locator("main").innerText(), /No passkeys/);
    await signOut(page);

    await page.goto(`${named}/login`);
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await told(page, /was not accepted/);
  });
});

test("a passkey whose person is not verified signs nobody in, nor one that counts backwards", async () => {
  await signedIn({}, async (page, device) => {
    await add(page, "counts");
    const [passkey] = await device.passkeys();
    await signOut(page);
    await page.goto(`${named}/login`);
    await device.verifies(false);
    const button = page.getByRole("button", { name: "Sign in with a passkey" });
    await button.click();
    await told(page, /Nobody was signed in/);
    await device.verifies(true);
    await button.click();
    await page.waitForURL(`${named}/`);
    // A copy of the device that has not signed since.
    await page.goto(`${named}/login`);
    await device.remove(passkey.credentialId);
    await device.add({ ...passkey, signCount: 0 });
    await button.click();
    await told(page, /was not accepted/);
  });
});

test("where passkeys do not work, the pages say what does", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${home.address}/settings/passkeys`);
    await told(page, /Passkeys work where this install has its name/);
    await page.getByRole("link", { name: `${named}/settings/passkeys` }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Add a passkey" }).count(), 0);
  }, home.address);
  const context = await chrome.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${named}/login`);
  assert.match(await page.locator("main").innerText(), /needs JavaScript.*sign in with your key/s);
  assert.equal(await page.getByRole("button", { name: "Sign in with a passkey" }).count(), 0);
  await context.close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`pages with passkeys and linked logins are readable by everyone, ${colorScheme}`, async () => {
    await signedIn({ colorScheme, bypassCSP: true, viewport: { width: 320, height: 640 } }, async (page, device) => {
      await add(page, `a laptop, ${colorScheme}`);
      for (const place of ["/login", "/settings/passkeys", "/settings/logins"]) {
        await page.goto(named + place);
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
        assert.deepEqual(faults, [], place);
        const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= shown, `${place} is ${wide} wide on a screen of ${shown}`);
      }
      assert.equal((await device.passkeys()).length, 1);
    });
  });
}
