// A person links an account with an OpenID Connect provider, signs in by it, and unlinks it; somebody new comes by it. The
// provider is a real one on this machine.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { axe, lodging } from "./house.mjs";
import { clientId, clientSecret, provider } from "./provider.mjs";

let elsewhere;
// A browser that nobody is signed in with is a `fresh` one.
const { home, visit: fresh, signIn: byKey } = lodging(async () => {
  elsewhere = await provider();
  return {
    args: [`--oidc-issuer=${elsewhere.issuer}`, "--oidc-name=Example", `--oidc-client-id=${clientId}`, "--oidc-signup=on"],
    env: { MOTET_OIDC_CLIENT_SECRET: clientSecret },
  };
});

after(() => elsewhere?.close());

// At the provider: says who it is, or says nothing.
async function sayAs(page, name) {
  await page.waitForURL(`${elsewhere.issuer}/authorize?**`);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Say who I am" }).click();
}

async function signInElsewhere(page, returnTo = "/") {
  await page.goto(`${home.address}/login?return_to=${encodeURIComponent(returnTo)}`);
  await page.getByRole("button", { name: "Sign in with Example" }).click();
}

async function signOut(page) {
  await page.goto(`${home.address}/settings/sessions`);
  await page.getByRole("button", { name: "Sign out of this browser" }).click();
  await page.waitForURL(`${home.address}/`);
  assert.equal(await page.getByRole("link", { name: "Sign in" }).count(), 1);
}

async function link(page, name) {
  await page.goto(`${home.address}/settings/logins`);
  await page.getByRole("button", { name: "Link an account with Example" }).click();
  await sayAs(page, name);
  await page.waitForURL(`${home.address}/settings/logins`);
}

async function unlink(page) {
  await page.goto(`${home.address}/settings/logins`);
  await page.getByRole("button", { name: "Unlink Example" }).click();
  await page.waitForURL(`${home.address}/settings/logins`);
  await page.getByRole("button", { name: "Link an account with Example" }).waitFor();
}

for (const [javaScriptEnabled, algorithms] of [
  [true, ["RS256", "ES256"]],
  [false, ["EdDSA", "RS256"]],
]) {
  const how = `JavaScript ${javaScriptEnabled ? "on" : "off"}`;

  test(`a person links an account elsewhere, signs in by it, signs out and unlinks it (${how})`, async () => {
    await fresh({ javaScriptEnabled }, async (page) => {
      const name = `ada ${how} <at> "example"`;
      await byKey(page);
      await page.locator(".site summary").click();
      await page.getByRole("link", { name: "Settings" }).click();
      await page.getByRole("link", { name: "Linked logins" }).click();
      await page.waitForURL("**/settings/logins");
      assert.match(await page.getByRole("row", { name: "Example" }).innerText(), /none/);
      await page.getByRole("button", { name: "Link an account with Example" }).click();
      await sayAs(page, name);
      await page.waitForURL(`${home.address}/settings/logins`);
      const row = page.getByRole("row", { name: "Example" });
      assert.match(await row.innerText(), /never/);
      assert.equal(await row.locator("code.long").innerText(), name);
      await signOut(page);

      for (const algorithm of algorithms) {
        elsewhere.algorithm = algorithm;
        await signInElsewhere(page, "/settings/logins?a=b");
        await sayAs(page, name);
        await page.waitForURL(`${home.address}/settings/logins?a=b`);
        assert.doesNotMatch(await page.getByRole("row", { name: "Example" }).innerText(), /never/);
        await signOut(page);
      }
      elsewhere.algorithm = "RS256";
      await byKey(page);
      await unlink(page);
    });
  });

  test(`somebody new comes by an account elsewhere and chooses a handle (${how})`, async () => {
    const handle = `newcomer-${javaScriptEnabled ? "on" : "off"}`;
    await fresh({ javaScriptEnabled, expected: /status of 409/ }, async (page) => {
      await signInElsewhere(page, "/settings/keys");
      await sayAs(page, handle);
      await page.waitForURL("**/login/with/oidc/handle");
      await page.getByLabel("Handle").fill("demo");
      await page.getByRole("button", { name: "Make the account" }).click();
      await page.getByRole("alert").waitFor();
      await page.getByLabel("Handle").fill(handle);
      await page.getByRole("button", { name: "Make the account" }).click();
      await page.waitForURL(`${home.address}/settings/keys`);
      assert.match(await page.locator("body").innerText(), new RegExp(handle));
      // It is the only way in.
      await page.goto(`${home.address}/settings/logins`);
      assert.equal(await page.getByRole("button", { name: "Unlink Example" }).count(), 1);
      await signOut(page);
      await signInElsewhere(page);
      await sayAs(page, handle);
      await page.waitForURL(`${home.address}/`);
      assert.match(await page.locator("body").innerText(), new RegExp(handle));
    });
  });

  test(`whoever says nothing elsewhere, or is vouched for by a wrong key, is nobody here (${how})`, async () => {
    await fresh({ javaScriptEnabled, expected: /status of 401/ }, async (page) => {
      await signInElsewhere(page);
      await page.getByRole("button", { name: "Say nothing" }).click();
      await page.waitForURL("**/login/with/oidc/back?**");
      assert.match(await page.locator("main").innerText(), /did not come off/i);
      for (const spoil of [() => elsewhere.changeKey("RS256"), () => ((elsewhere.claims = { nonce: "another" }), () => (elsewhere.claims = {}))]) {
        const undo = spoil();
        await signInElsewhere(page);
        await sayAs(page, "mallory");
        await page.waitForURL("**/login/with/oidc/back?**");
        assert.match(await page.locator("main").innerText(), /did not come off/i);
        undo();
      }
      await page.goto(home.address);
      assert.equal(await page.getByRole("link", { name: "Sign in" }).count(), 1);
      // An address that was used leads nowhere a second time.
      let used;
      page.on("request", (request) => request.url().includes("/login/with/oidc/back?") && (used = request.url()));
      await signInElsewhere(page);
      await sayAs(page, `once-${javaScriptEnabled}`);
      await page.waitForURL("**/login/with/oidc/handle");
      const redeemed = elsewhere.redeemed;
      const again = await page.goto(used);
      assert.equal(again.status(), 401);
      assert.equal(elsewhere.redeemed, redeemed);
    });
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`pages on the way to an account elsewhere and back are readable by everyone, ${colorScheme}`, async () => {
    await fresh({ colorScheme, bypassCSP: true, viewport: { width: 320, height: 640 }, expected: /status of 401/ }, async (page) => {
      const check = async (place) => {
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
        assert.deepEqual(told, [], place);
        const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= shown, `${place} is ${wide} wide on a screen of ${shown}`);
      };
      // Pages that lead on wait here, until somebody follows their link. What stands between loses what the browser says of
      // itself when it sends a form.
      await page.route(`${home.address}/**`, async (route) => {
        const asked = { ...route.request().headers(), ...(route.request().method() === "POST" && { "sec-fetch-site": "same-origin" }) };
        const response = await route.fetch({ maxRedirects: 0, headers: asked });
        const headers = response.headers();
        delete headers.refresh;
        await route.fulfill({ response, headers });
      });
      await signInElsewhere(page);
      await page.getByRole("link", { name: "Go on to Example" }).waitFor();
      await check("the page that leads away");
      await page.getByRole("link", { name: "Go on to Example" }).click();
      await page.getByRole("button", { name: "Say nothing" }).click();
      await page.waitForURL("**/login/with/oidc/back?**");
      await check("the page that says no");
      await signInElsewhere(page);
      await page.getByRole("link", { name: "Go on to Example" }).click();
      await sayAs(page, `reader-${colorScheme}`);
      await page.waitForURL("**/login/with/oidc/handle");
      await check("/login/with/oidc/handle");
      await page.getByLabel("Handle").fill(`reader-${colorScheme}`);
      await page.getByRole("button", { name: "Make the account" }).click();
      await page.getByRole("link", { name: "Go on", exact: true }).waitFor();
      await check("the page that leads in");
      await page.getByRole("link", { name: "Go on", exact: true }).click();
      await page.waitForURL(`${home.address}/`);
      for (const place of ["/login", "/settings/logins"]) {
        await page.goto(home.address + place);
        await check(place);
      }
    });
  });
}
