// A browser makes a webhook, sees what came of its deliveries, sends one once more, gives it another secret, changes and
// deletes it: of a repository, and of an organization.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { axe, lodging } from "./house.mjs";

const HOOKS = "/demo/tidebook/settings/webhooks";

// Says no to the first event that is no ping of each mode, and yes to everything else.
const heard = [];
const receiver = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    heard.push({ headers: request.headers, body: Buffer.concat(parts) });
    response.writeHead(request.url.startsWith("/no") ? 500 : 200, { "content-type": "text/plain" });
    response.end("the receiver speaks");
  });
});
let receiverPort;

const { home, ...lodged } = lodging(async () => {
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  receiverPort = receiver.address().port;
  return { args: ["--webhook-allow", `127.0.0.1:${receiverPort}`] };
});
after(() => receiver.close());

const signedIn = (options, journey) => lodged.signedIn({ expected: /status of 4\d\d/, ...options }, journey);
const main = (page) => page.locator("main");

// Looks again until the page says so: what it waits for happens in the server.
async function becomes(page, text) {
  for (let looks = 0; looks < 100; looks += 1) {
    if ((await main(page).innerText()).match(text)) return;
    await page.reload();
  }
  assert.fail(`the page never says ${text}: ${await main(page).innerText()}`);
}

// Makes one by the form; gives its secret.
async function makes(page, path) {
  await page.getByLabel("Where requests go").fill(`http://127.0.0.1:${receiverPort}${path}`);
  await page.getByLabel(/^Events, with/).fill("push repository.*");
  await page.getByLabel("What it is for").fill("tells the harbour");
  await page.getByRole("button", { name: "Make the webhook" }).click();
  const shown = page.getByRole("region", { name: "The secret of the new webhook" });
  return shown.getByLabel("the secret of the new webhook", { exact: true }).innerText();
}

for (const javaScriptEnabled of [true, false]) {
  const mode = javaScriptEnabled ? "on" : "off";
  test(`a person runs webhooks by their forms (JavaScript ${mode})`, async () => {
    await signedIn({ javaScriptEnabled }, async (page) => {
      const path = `/hook-${mode}`;
      await page.goto(`${home.address}/demo/tidebook/settings/general`);
      await page.getByRole("link", { name: "Webhooks" }).click();
      await page.waitForURL(`**${HOOKS}`);

      // What does not hold is said beside its field, and what was typed stays.
      await page.getByLabel("Where requests go").fill("https://127.0.0.1/");
      await page.getByLabel("What it is for").fill("kept");
      await page.getByRole("button", { name: "Make the webhook" }).click();
      assert.match(await page.getByRole("alert").innerText(), /no request is sent to that address/);
      assert.equal(await page.getByLabel("What it is for").inputValue(), "kept");

      const secret = await makes(page, path);
      assert.match(secret, /^whsec_/);
      await page.getByRole("link", { name: new RegExp(`${path}$`) }).click();
      await becomes(page, /ping[\s\S]*delivered/);
      assert.ok(!(await page.content()).includes(secret), "the secret is shown once");

      // What came was signed with it.
      const ping = heard.find(({ headers, body }) => body.includes('"ping"') && headers["webhook-signature"]);
      assert.ok(ping);
      const mine = heard.filter(({ headers, body }) => {
        const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`;
        const tag = createHmac("sha256", Buffer.from(secret.slice(6), "base64")).update(signed).update(body).digest("base64");
        return headers["webhook-signature"].split(" ").includes(`v1,${tag}`);
      });
      assert.equal(mine.length, 1);

      await page.getByRole("button", { name: "Send a ping" }).click();
      await page.waitForURL("**/deliveries/*");
      await becomes(page, /delivered[\s\S]*200[\s\S]*the receiver speaks/);
      await page.getByRole("button", { name: "Send once more" }).click();
      await becomes(page, /delivered[\s\S]*resend/);
      await page.getByRole("link", { name: "The webhook" }).click();

      await page.getByLabel("Send all once more that are").selectOption("delivered");
      await page.getByRole("button", { name: "Send once more" }).click();
      await page.waitForURL("**/resends/*");
      await becomes(page, /2 of 2 are on their way once more, and that is all/);
      await page.getByRole("link", { name: "The webhook" }).click();

      await page.getByRole("button", { name: "Make another secret" }).click();
      const second = await page.getByLabel("the new secret", { exact: true }).innerText();
      assert.notEqual(second, secret);
      assert.equal(await page.getByRole("button", { name: "Make another secret" }).count(), 0);
      await page.getByRole("button", { name: /^End it now/ }).last().click();
      assert.equal(await page.getByRole("button", { name: "Make another secret" }).count(), 1);

      await page.getByLabel("Requests at once, 1 to 32").fill("99");
      await page.getByRole("button", { name: "Save" }).click();
      assert.match(await main(page).innerText(), /1 to 32/);
      await page.getByLabel("Requests at once, 1 to 32").fill("4");
      await page.getByLabel("Switched on").uncheck();
      await page.getByRole("button", { name: "Save" }).click();
      await becomes(page, /paused/);
      assert.equal(await page.getByLabel("Requests at once, 1 to 32").inputValue(), "4");
      await page.getByRole("button", { name: "Delete the webhook" }).click();
      await page.waitForURL(`**${HOOKS}`);
      assert.equal(await page.getByRole("link", { name: new RegExp(`${path}$`) }).count(), 0);
    });
  });
}

test("an organization has its own", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${home.address}/settings/organizations`);
    await page.getByLabel("Its handle, for good").fill("harbour");
    await page.getByRole("button", { name: "Make the organization" }).click();
    await page.waitForURL("**/settings/organizations/harbour");
    await page.getByRole("link", { name: "Webhooks" }).click();
    await makes(page, "/harbour");
    await page.getByRole("link", { name: /\/harbour$/ }).last().click();
    await becomes(page, /ping[\s\S]*delivered/);
  });
});

for (const colorScheme of ["light", "dark"]) {
  test(`pages of webhooks have no fault of accessibility and fit 320 pixels (${colorScheme})`, async () => {
    await signedIn({ colorScheme, bypassCSP: true, viewport: { width: 320, height: 640 } }, async (page) => {
      const fits = async (place) => {
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 320, `${place} is ${width} pixels wide`);
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((it) => it.html)]), [], place);
      };
      await page.goto(home.address + HOOKS);
      await fits("the empty list");
      await makes(page, `/no-${colorScheme}`);
      await fits("the list with a secret");
      await page.getByRole("link", { name: new RegExp(`/no-${colorScheme}$`) }).click();
      await becomes(page, /ping/);
      await fits("a webhook");
      await page.getByRole("link", { name: "ping" }).first().click();
      await becomes(page, /http_status/);
      await fits("a delivery");
      await page.getByRole("link", { name: "The webhook" }).click();
      await page.getByRole("button", { name: "Send once more" }).click();
      await page.waitForURL("**/resends/*");
      await fits("what is sent once more");
    });
  });
}
