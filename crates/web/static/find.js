// Finds a file by some characters of its path, as they are typed. The page works without it, as a form.

const form = document.querySelector("[data-finder]");
const field = form.querySelector("input");
const list = document.querySelector("#paths");
const told = document.querySelector("#found");
const SHOWN = 100;
let paths;

function isThere(wanted, text) {
  let at = 0;
  for (const character of wanted) {
    at = text.indexOf(character, at) + 1;
    if (!at) return false;
  }
  return true;
}

// As on the server: the name itself, its beginning, together, scattered.
function rank(wanted, path) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === wanted || name.split(".")[0] === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.includes(wanted)) return 2;
  if (path.includes(wanted)) return 3;
  if (isThere(wanted, name)) return 4;
  return isThere(wanted, path) ? 5 : -1;
}

function fitting(words) {
  const found = [];
  for (const [path, lower] of paths) {
    let sum = 0;
    for (const word of words) {
      const place = rank(word, lower);
      if (place < 0) { sum = -1; break; }
      sum += place;
    }
    if (sum >= 0) found.push([sum, path]);
  }
  return found.sort((a, b) => a[0] - b[0] || a[1].length - b[1].length || (a[1] < b[1] ? -1 : 1));
}

function show() {
  const found = fitting(field.value.toLowerCase().split(/\s+/).filter(Boolean));
  told.textContent = found.length === 1 ? "1 file" : `${found.length.toLocaleString("en")} files`;
  list.replaceChildren(...found.slice(0, SHOWN).map(([, path]) => {
    const link = document.createElement("a");
    link.className = "bar long";
    link.href = form.dataset.blob + path.split("/").map(encodeURIComponent).join("/");
    link.textContent = path;
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
}

async function begin() {
  if (paths) return show();
  const answer = await fetch(form.dataset.list);
  if (!answer.ok) return;
  paths = (await answer.json()).paths.map((path) => [path, path.toLowerCase()]);
  show();
}

field.addEventListener("input", begin);
form.addEventListener("submit", (event) => {
  const first = paths && list.querySelector("a");
  if (!first) return;
  event.preventDefault();
  first.click();
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  list.querySelector("a")?.focus();
});
list.addEventListener("keydown", (event) => {
  const item = event.target.closest("li");
  const next = { ArrowDown: item?.nextElementSibling, ArrowUp: item?.previousElementSibling }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  (next?.querySelector("a") ?? field).focus();
});
