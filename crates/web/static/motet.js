// What pages gain by a script: keys, copying, ranges of lines, filtering, times that stay true. Every page says and does
// the same without it; what needs it is hidden until it runs.
(() => {
  "use strict";
  const all = (what, from = document) => [...from.querySelectorAll(what)];
  const one = (what, from = document) => from.querySelector(what);
  const told = document.getElementById("told");

  // Says it in the live region, for a moment.
  let timer;
  function tell(text) {
    if (!told) return;
    told.textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => (told.textContent = ""), 4000);
  }

  for (const it of all(".scripted")) it.hidden = false;

  // Keys. A template marks what a key does with data-key; which key that is, the reader may change.
  const KEPT = "motet-keys";
  function kept() {
    try {
      return JSON.parse(localStorage.getItem(KEPT)) ?? {};
    } catch {
      return {};
    }
  }
  function keep(keys) {
    try {
      localStorage.setItem(KEPT, JSON.stringify(keys));
      return true;
    } catch {
      return false;
    }
  }
  let keys = kept();
  // The deed that a key stands for: one that was given away means nothing any more.
  function deed(key) {
    const own = keys.own ?? {};
    for (const [from, to] of Object.entries(own)) if (to === key) return from;
    return key in own ? "" : key;
  }
  const isField = (it) => it.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(it.tagName);
  const isShown = (it) => it.getClientRects().length > 0;

  function act(key) {
    const found = all("[data-key]").filter((it) => it.dataset.key === key);
    const it = found.find(isShown) ?? found[0];
    if (!it) return false;
    if (isField(it)) {
      if (!isShown(it)) {
        location.assign(it.form.action);
      } else {
        it.focus();
        it.select?.();
      }
    } else if (key === "y") {
      location.assign(it.href + location.hash);
    } else {
      it.click();
      // What is typed next belongs there, whenever the menu says that it is open.
      if (it.parentElement.matches("details.menu[open]")) fill(it.parentElement);
    }
    return true;
  }
  const fill = (menu) => one(".sheet :is(input:not([type=hidden]), a)", menu)?.focus();

  function rows() {
    return all("[data-rows] :is(tr, li)").filter((it) => isShown(it) && one("a[href]", it));
  }
  const sections = () => all("[data-files] > section, section.change").filter(isShown);

  // From where the focus is to the next one, down or up.
  function step(list, by) {
    if (list.length === 0) return false;
    const now = list.findIndex((it) => it.contains(document.activeElement));
    const next = list[now < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(now + by, 0), list.length - 1)];
    const link = one("th a[href]:not(.badge), a.subject, h2 a[href], h3 a[href]", next) ?? one("a[href]", next);
    link?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  }
  function jump(by) {
    const list = sections();
    if (!step(list, by)) return false;
    list.find((it) => it.contains(document.activeElement))?.scrollIntoView({ block: "start" });
    return true;
  }

  const BUILT_IN = { j: () => step(rows(), 1), k: () => step(rows(), -1), "]": () => jump(1), "[": () => jump(-1) };
  let before = "";
  let since = 0;

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return escape(event);
    if (keys.off || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isField(event.target) || one("dialog[open]") || event.key.length !== 1) return;
    const now = event.timeStamp;
    const typed = before === "g" && now - since < 1500 ? `g ${event.key}` : event.key;
    before = typed === "g" ? "g" : "";
    since = now;
    const wanted = deed(typed);
    if (wanted && ((BUILT_IN[wanted] && BUILT_IN[wanted]()) || act(wanted))) event.preventDefault();
  });

  // Menus: one at a time, closed by Escape and by a click elsewhere; what they hold is ready for typing.
  function escape(event) {
    const menu = one("details.menu[open]");
    if (!menu) {
      if (isField(event.target)) event.target.blur();
      return;
    }
    menu.open = false;
    one("summary", menu).focus();
  }
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  for (const menu of all("details.menu")) {
    menu.addEventListener("toggle", () => menu.open && !menu.contains(document.activeElement.closest(".sheet")) && fill(menu));
  }

  // Copying.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const text = button.dataset.copy || one("code", button.parentElement)?.textContent || "";
    try {
      await navigator.clipboard.writeText(text);
      tell("Copied.");
    } catch {
      const code = one("code", button.parentElement);
      if (code) getSelection().selectAllChildren(code);
      tell("The browser does not let a page copy here: the text is selected.");
    }
  });

  // Dialogs, and the one with all keys.
  document.addEventListener("click", async (event) => {
    const opens = event.target.closest?.("[data-opens]");
    if (opens) return document.getElementById(opens.dataset.opens)?.showModal();
    const help = event.target.closest?.('a[data-key="?"]');
    if (!help || event.ctrlKey || event.metaKey || event.shiftKey || location.pathname === "/help/keys") return;
    event.preventDefault();
    try {
      const page = await (await fetch(help.href)).text();
      const table = new DOMParser().parseFromString(page, "text/html").querySelector("table.keys");
      for (const it of all("[data-own]", table)) it.remove();
      const dialog = document.createElement("dialog");
      dialog.setAttribute("aria-labelledby", "keys-title");
      dialog.innerHTML =
        '<form class="bar" method="dialog"><h2 class="grow" id="keys-title">Keys</h2><a href="/help/keys">Change them</a><button class="button">Close</button></form>';
      dialog.append(document.adoptNode(table));
      dialog.addEventListener("close", () => (dialog.remove(), help.focus({ preventScroll: true })));
      document.body.append(dialog);
      dialog.showModal();
    } catch {
      location.assign(help.href);
    }
  });

  // The page of keys: each can be changed, all can be turned off.
  const table = one("table.keys[data-change]");
  if (table) {
    const off = one("#keys-off");
    off.checked = Boolean(keys.off);
    const note = (text) => tell(keep(keys) ? text : "The browser keeps nothing for this site.");
    off.addEventListener("change", () => {
      keys.off = off.checked;
      note(off.checked ? "Single keys are off." : "Single keys are on.");
    });
    for (const field of all("input[data-own]", table)) {
      const key = field.dataset.own;
      field.value = keys.own?.[key] ?? key;
      field.addEventListener("change", () => {
        const wanted = field.value.trim();
        const others = all("input[data-own]", table).filter((it) => it !== field);
        const fault = !/^(g )?\S$/.test(wanted)
          ? "One character, or g, a space and one character."
          : others.some((it) => it.value === wanted) && `${wanted} does something else already.`;
        field.setAttribute("aria-invalid", String(Boolean(fault)));
        if (fault) return tell(fault);
        keys.own = { ...keys.own, [key]: wanted };
        if (wanted === key) delete keys.own[key];
        note(`${wanted} it is.`);
      });
    }
    one("#keys-reset").addEventListener("click", () => {
      keys = {};
      off.checked = false;
      for (const field of all("input[data-own]", table)) {
        field.value = field.dataset.own;
        field.removeAttribute("aria-invalid");
      }
      note("All keys are as they were.");
    });
  }

  // Lines: #L3, #L3-L9. A click chooses a line, with Shift up to it.
  const code = one("table[data-lines]");
  if (code) {
    const range = () => /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash)?.slice(1).map((it) => it && Number(it));
    const show = (isAsked) => {
      for (const row of all("tr.chosen", code)) row.classList.remove("chosen");
      const [from, to = from] = range() ?? [];
      if (!from) return;
      const [first, last] = from < to ? [from, to] : [to, from];
      const lines = all("tbody tr", code).slice(first - 1, last);
      for (const row of lines) row.classList.add("chosen");
      if (isAsked && lines[0]) lines[0].scrollIntoView({ block: "center" });
    };
    code.addEventListener("click", (event) => {
      const link = event.target.closest?.("th a");
      const from = range()?.[0];
      if (!link || !event.shiftKey || !from) return;
      event.preventDefault();
      const to = Number(link.hash.slice(2));
      const [first, last] = from < to ? [from, to] : [to, from];
      history.replaceState(null, "", first === last ? `#L${first}` : `#L${first}-L${last}`);
      show(false);
      tell(`Lines ${first} to ${last}.`);
    });
    addEventListener("hashchange", () => show(!range() || Boolean(range()[1])));
    show(Boolean(range()?.[1]));
    const line = document.getElementById("line");
    line?.form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.hash = `#L${line.value}`;
      one("details.menu[open]")?.removeAttribute("open");
      one(`#L${Number(line.value)} a`)?.focus({ preventScroll: true });
    });
  }

  // What is typed narrows a list; how much is left is said once the typing rests.
  for (const field of all("[data-filter]")) {
    const list = document.getElementById(field.dataset.filter);
    if (!list) continue;
    let rest;
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of all(list.tagName === "TABLE" ? "tbody tr" : ":scope > li", list)) {
        row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
        left += row.hidden ? 0 : 1;
      }
      clearTimeout(rest);
      rest = setTimeout(() => tell(left === 1 ? "1 is left." : `${left} are left.`), 600);
    });
  }

  // Times: the server said how long ago it was; pages stay open.
  const UNITS = [["year", 31556952], ["month", 2629746], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const NEAR = /ago$|^in \d|^just now$/;
  function ago(seconds) {
    const far = Math.abs(seconds);
    const [unit, size] = UNITS.find(([, size]) => far >= size) ?? [];
    if (!unit) return "just now";
    const number = Math.floor(far / size);
    const words = `${number} ${unit}${number === 1 ? "" : "s"}`;
    return seconds > 0 ? `${words} ago` : `in ${words}`;
  }
  setInterval(() => {
    if (document.hidden) return;
    for (const it of all("time[datetime]")) {
      if (!NEAR.test(it.textContent)) continue;
      const text = ago(Math.floor((Date.now() - Date.parse(it.dateTime)) / 1000));
      if (text !== it.textContent) it.textContent = text;
    }
  }, 60000);
})();
