// What the page of a run gains by a script: it follows what happens. An event of the run lets the parts of the page that
// tell of it be read again; after a cut the browser comes back by itself, and the page is read once more. Where no stream
// is to be had, the timeline is asked what came behind its last entry. The page says the same without a script.
(() => {
  "use strict";
  const head = () => document.querySelector("[data-topic]");
  if (!head() || !window.EventSource) return;
  const told = document.getElementById("told");
  const PAUSE = 1000;
  const QUIET = 5000;
  const LOOK = 3000;
  let source, looks, timer, spoke = 0, isReading = false, isStale = false;
  const follows = () => document.querySelector("[data-follow]")?.checked ?? true;
  const say = (text) => {
    const line = document.querySelector("[data-following]");
    if (line) line.textContent = text;
  };

  // Which of the details of a part are open, by their order.
  const details = (part) => [...part.querySelectorAll("details")];

  function exchange(part, fresh) {
    if (!fresh || part.contains(document.activeElement) && part.querySelector(":is(input, select, textarea):focus")) return;
    if (part.innerHTML === fresh.innerHTML) return;
    const open = details(part).map((it) => it.open);
    // Whoever fills in a form keeps it.
    if (part.id === "orders" && open.includes(true)) return;
    details(fresh).forEach((it, at) => (it.open = open[at] ?? it.open));
    const box = fresh.querySelector("[data-follow]");
    if (box) box.checked = follows();
    const places = [...part.querySelectorAll(".scroll")].map((it) => [it.scrollLeft, it.scrollTop]);
    const focus = [...part.querySelectorAll("a, button, summary, [tabindex]")].indexOf(document.activeElement);
    part.replaceWith(fresh);
    for (const it of fresh.querySelectorAll(".scripted")) it.hidden = false;
    [...fresh.querySelectorAll(".scroll")].forEach((it, at) => places[at] && it.scrollTo(...places[at]));
    if (focus >= 0) [...fresh.querySelectorAll("a, button, summary, [tabindex]")][focus]?.focus({ preventScroll: true });
  }

  async function read() {
    timer = undefined;
    if (isReading) {
      isStale = true;
      return;
    }
    isReading = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const before = head()?.querySelector(".badge")?.textContent;
        for (const part of document.querySelectorAll("[data-part]")) exchange(part, page.getElementById(part.id));
        for (const part of page.querySelectorAll("main > [data-part]")) {
          if (!document.getElementById(part.id)) document.getElementById("tasks")?.before(part);
        }
        const after = document.querySelector("#now .badge")?.textContent;
        if (before !== after && Date.now() - spoke > QUIET && told) {
          spoke = Date.now();
          told.textContent = `The run is ${after}.`;
          setTimeout(() => (told.textContent = ""), QUIET);
        }
        if (!head()) stop();
      }
    } catch {
      // The next event, or the next connection, tries again.
    }
    isReading = false;
    if (isStale) {
      isStale = false;
      soon();
    }
  }
  const soon = () => (timer ??= setTimeout(read, PAUSE));

  function start() {
    const topic = head()?.dataset.topic;
    if (!topic || source) return;
    source = new EventSource(`/api/v1/stream?topic=${topic}`);
    // What happened between the page and this moment, or while there was no connection, is on the page after this.
    source.addEventListener("open", () => {
      say("The page follows.");
      soon();
    });
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) {
        looks ??= setInterval(look, LOOK);
      } else {
        say("The connection is cut; the page comes back by itself.");
      }
    });
    // Types of events are words of the run; all of them mean the same here.
    const kinds = ["queued", "running", "held", "composed", "completed", "failed", "cancelled", "expired", "moved", "budgets"];
    const tasks = ["inserted", "pending", "delayed", "ready", "claimed", "checking", "waiting", "done", "skipped", "dead", "cancelled", "superseded", "approved"];
    const claims = ["granted", "judged", "submitted", "released", "expired", "exhausted", "cancelled"];
    const all = [kinds.map((it) => `run.${it}`), tasks.map((it) => `task.${it}`), claims.map((it) => `claim.${it}`)].flat();
    for (const kind of [...all, "message", "reset"]) source.addEventListener(kind, soon);
  }
  // Whether the timeline has entries behind the last one that the page tells of.
  async function look() {
    const { topic, last } = head()?.dataset ?? {};
    if (!topic || document.hidden) return;
    try {
      const answer = await fetch(`/api/v1/runs/${topic.slice(4)}/events?after=${last}&limit=1`);
      if (!answer.ok) return;
      say("The page follows.");
      if ((await answer.json()).items.length > 0) soon();
    } catch {
      say("The connection is cut; the page comes back by itself.");
    }
  }
  function stop() {
    source?.close();
    clearInterval(looks);
    source = looks = undefined;
    say("");
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-follow]")) follows() ? start() : stop();
  });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", () => follows() && start());
})();
