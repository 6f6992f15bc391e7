// Makes the pictures of the README: pages of the demo repository in both themes, one on a narrow screen. node pictures.mjs
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { browser, house } from "./house.mjs";

const out = resolve(dirname(fileURLToPath(import.meta.url)), "../../docs/pictures");
const HOME = "/demo/tidebook";
mkdirSync(out, { recursive: true });
const [home, chrome] = [await house(), await browser()];
try {
  const list = await (await fetch(`${home.address}${HOME}/commits/main`)).text();
  const commits = [...new Set(list.match(/\/demo\/tidebook\/commit\/[0-9a-f]{64}/g))];
  const both = { repository: HOME, file: `${HOME}/blob/main/src/table.rs#L12-L19`, commit: await busiest(commits), branches: `${HOME}/branches?show=all` };
  for (const colorScheme of ["light", "dark"]) {
    await shoot({ colorScheme, viewport: { width: 1180, height: 780 } }, both, `-${colorScheme}`);
  }
  const wide = { colorScheme: "light", viewport: { width: 1180, height: 780 } };
  await shoot(wide, { blame: `${HOME}/blame/main/src/main.rs`, commits: `${HOME}/commits/main`, keys: "/help/keys" }, "");
  await shoot({ colorScheme: "dark", viewport: { width: 360, height: 720 } }, { narrow: HOME }, "");
} finally {
  await chrome.close();
  await home.close();
}

async function shoot(options, places, ending) {
  const context = await chrome.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  for (const [name, place] of Object.entries(places)) {
    await page.goto(home.address + place);
    await page.screenshot({ path: join(out, `${name}${ending}.png`) });
  }
  await context.close();
}

// The commit whose page has most to show.
async function busiest(places) {
  const sized = await Promise.all(places.map(async (place) => [place, (await (await fetch(home.address + place)).text()).length]));
  return sized.sort((a, b) => b[1] - a[1])[0][0];
}
