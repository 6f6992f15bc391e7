// What the graph gains by a script: older rows come as one scrolls, lanes that do not fit can be moved, and a map beside
// the rows shows where one is. The page says and does the same without it, page by page.
(() => {
  "use strict";
  const table = document.querySelector("table.graph");
  if (!table) return;
  const body = table.tBodies[0];
  const told = document.getElementById("told");
  const MOST = 5000;
  const pictures = () => [...body.querySelectorAll(".lanes svg")];
  const widthOf = (svg) => Number(svg.dataset.width ?? (svg.dataset.width = svg.getAttribute("width")));

  // Lanes: all rows show the same part of the picture, as much of it as fits.
  let from = 0;
  let whole = 0;
  let shown = 0;
  const ways = document.createElement("div");
  ways.className = "lane-ways";
  ways.hidden = true;
  for (const [text, name, by] of [["←", "Lanes to the left", -1], ["→", "Lanes to the right", 1]]) {
    const button = document.createElement("button");
    button.className = "button icon";
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", () => pan(from + (by * shown) / 2));
    ways.append(button);
  }
  table.parentElement.before(ways);

  function pan(to) {
    from = Math.round(Math.max(0, Math.min(to, whole - shown)));
    for (const svg of pictures()) {
      svg.setAttribute("width", shown);
      svg.setAttribute("viewBox", `${from} 0 ${shown} 32`);
    }
    ways.hidden = shown >= whole;
    ways.firstChild.disabled = from === 0;
    ways.lastChild.disabled = from >= whole - shown;
  }

  function fit() {
    whole = Math.max(0, ...pictures().map(widthOf));
    shown = Math.min(whole, Math.max(56, Math.round(document.documentElement.clientWidth * 0.4)));
    pan(from);
    draw();
  }

  let held = null;
  table.addEventListener("pointerdown", (event) => {
    if (shown < whole && event.target.closest(".lanes")) held = { x: event.clientX, from };
  });
  addEventListener("pointermove", (event) => held && pan(held.from - (event.clientX - held.x)));
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (held = null));

  // Older rows: those of the next page, behind the last one.
  const pages = document.querySelector("nav.pages");
  let older = pages?.querySelector("a[rel=next]");
  let isAsking = false;
  const watch = new IntersectionObserver((seen) => seen.some((it) => it.isIntersecting) && goOn(), { rootMargin: "800px" });

  async function goOn() {
    if (isAsking || !older || body.rows.length >= MOST) return;
    isAsking = true;
    try {
      const answer = await fetch(older.href);
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const rows = [...page.querySelectorAll("table.graph tbody tr")];
      const next = page.querySelector("nav.pages a[rel=next]");
      if (rows.length === 0) throw new Error("no rows");
      body.append(...rows.map((row) => document.adoptNode(row)));
      if (next) older.href = next.href;
      else {
        older.remove();
        older = null;
      }
      if (told) told.textContent = `${body.rows.length} commits are shown.`;
      fit();
    } catch {
      // The link to the next page stays, and is the way on.
      watch.disconnect();
    }
    isAsking = false;
    // Whoever is still at the end is told again.
    if (older && pages) {
      watch.unobserve(pages);
      watch.observe(pages);
    }
  }

  // The map: a dot a commit, in its lane and its colour, and a frame around what is in sight. What it does, scrolling does.
  const map = document.createElement("canvas");
  map.className = "graph-map";
  map.setAttribute("aria-hidden", "true");
  table.parentElement.append(map);
  const colours = new Map();
  function colourOf(circle) {
    const name = circle.getAttribute("class");
    if (!colours.has(name)) colours.set(name, getComputedStyle(circle).color);
    return colours.get(name);
  }

  function draw() {
    const { clientWidth: width, clientHeight: height } = map;
    if (!width || !height) return;
    const sharp = devicePixelRatio || 1;
    map.width = width * sharp;
    map.height = height * sharp;
    const pen = map.getContext("2d");
    pen.scale(sharp, sharp);
    const rows = pictures();
    const step = height / rows.length;
    const size = Math.max(1.5, Math.min(4, step));
    rows.forEach((svg, at) => {
      const circle = svg.querySelector("circle");
      if (!circle) return;
      pen.fillStyle = colourOf(circle);
      pen.fillRect((Number(circle.getAttribute("cx")) / (whole + 14)) * width - size / 2, at * step, size, size);
    });
    const box = body.getBoundingClientRect();
    const part = (y) => Math.max(0, Math.min(1, (y - box.top) / box.height)) * height;
    const [top, bottom] = [part(0), part(innerHeight)];
    pen.strokeStyle = getComputedStyle(map).color;
    pen.strokeRect(0.5, top + 0.5, width - 1, Math.max(4, bottom - top - 1));
  }

  let isDue = false;
  function soon() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  }
  function jump(event) {
    const box = body.getBoundingClientRect();
    const part = (event.clientY - map.getBoundingClientRect().top) / map.clientHeight;
    scrollTo({ top: scrollY + box.top + part * box.height - innerHeight / 2 });
  }
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    jump(event);
  });
  map.addEventListener("pointermove", (event) => map.hasPointerCapture(event.pointerId) && jump(event));
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (colours.clear(), soon()));

  table.parentElement.classList.add("mapped");
  fit();
  if (older && pages) watch.observe(pages);
})();
