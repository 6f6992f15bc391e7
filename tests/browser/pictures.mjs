// Makes the pictures of the README: three pages in both themes. node pictures.mjs
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { browser, house } from "./house.mjs";

const out = resolve(dirname(fileURLToPath(import.meta.url)), "../../docs/pictures");
mkdirSync(out, { recursive: true });
const [home, chrome] = [await house(), await browser()];
try {
  const list = await (await fetch(`${home.address}/demo/tidebook/commits/main?skip=18`)).text();
  const commits = [...new Set(list.match(/\/demo\/tidebook\/commit\/[0-9a-f]{64}/g))];
  const pages = { repository: "/demo/tidebook", file: "/demo/tidebook/blob/main/src/table.rs", commit: await busiest(commits) };
  for (const colorScheme of ["light", "dark"]) {
    const context = await chrome.newContext({ colorScheme, viewport: { width: 1100, height: 760 } });
    const page = await context.newPage();
    for (const [name, place] of Object.entries(pages)) {
      await page.goto(home.address + place);
      await page.screenshot({ path: join(out, `${name}-${colorScheme}.png`) });
    }
    await context.close();
  }
} finally {
  await chrome.close();
  await home.close();
}

// The commit whose page has most to show.
async function busiest(places) {
  const sized = await Promise.all(places.map(async (place) => [place, (await (await fetch(home.address + place)).text()).length]));
  return sized.sort((a, b) => b[1] - a[1])[0][0];
}
