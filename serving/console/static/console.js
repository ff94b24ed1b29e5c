// Keyboard shortcuts, menus and live what-if; every page works without this script.
"use strict";

document.documentElement.classList.add("ready");

// A box that scrolls is focusable by keyboard; a box that fits is not.
const reachable = new ResizeObserver((boxes) => {
  for (const { target } of boxes) {
    const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (scrolls) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".table-scroll, .scroll-box, .filters")) reachable.observe(box);

// Panels fill the columns of their grid: each goes to the column that ends first. What is left in a column above a broad
// panel, or at the end, is shared by the panels of that column, unless they would become mostly empty.
const GAP = 16, STRETCH = 0.25;
function pack(grid) {
  const panels = [...grid.children], count = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  grid.classList.toggle("packed", count > 1);
  for (const { style } of panels) style.minHeight = style.gridColumn = style.gridRow = "";
  if (count < 2) return;
  const spans = panels.map((panel) => {
    const { gridColumnStart: start, gridColumnEnd: end } = getComputedStyle(panel);
    return end === "-1" ? count : Math.min(Number(start.split("span ")[1] ?? 1), count);
  });
  const heights = panels.map((panel) => Math.ceil(panel.getBoundingClientRect().height));
  const columns = Array.from({ length: count }, () => ({ end: 0, open: [] }));
  const fill = (column, level) => {
    const total = column.open.reduce((sum, at) => sum + heights[at], 0), rest = level - column.end;
    let top = column.end - total - GAP * column.open.length;
    if (rest > 0 && rest <= STRETCH * total) for (const at of column.open) {
      const height = heights[at] + Math.floor(rest * heights[at] / total);
      panels[at].style.minHeight = `${height}px`;
      panels[at].style.gridRow = `${top + 1} / span ${height + GAP}`;
      top += height + GAP;
    }
    column.open = [];
  };
  panels.forEach((panel, at) => {
    const starts = Array.from({ length: count - spans[at] + 1 }, (_, start) => columns.slice(start, start + spans[at]));
    const level = (taken) => Math.max(...taken.map((column) => column.end));
    const taken = starts.reduce((best, each) => level(each) < level(best) ? each : best), top = level(taken);
    if (spans[at] > 1) for (const column of taken) fill(column, top);
    panel.style.gridColumn = `${columns.indexOf(taken[0]) + 1} / span ${spans[at]}`;
    panel.style.gridRow = `${top + 1} / span ${heights[at] + GAP}`;
    for (const column of taken) Object.assign(column, { end: top + heights[at] + GAP, open: spans[at] > 1 ? [] : [...column.open, at] });
  });
  for (const column of columns) fill(column, Math.max(...columns.map(({ end }) => end)));
}
const packing = new ResizeObserver((changed) => {
  for (const grid of new Set(changed.map(({ target }) => target.parentElement))) pack(grid);
});
for (const panel of document.querySelectorAll(".grid > *")) packing.observe(panel);

// A filter is applied as soon as it is chosen.
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    // Leave empty filters out of the URL.
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
}

// One menu at a time; Escape and a click elsewhere close it.
// Rows are replaced in place, so menus and rows are looked up when they are needed.
const menus = () => [...document.querySelectorAll("details.menu")];
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.menu") && event.target.open) {
    for (const other of menus()) if (other !== event.target) other.open = false;
  }
}, true);
document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});

// The buttons for many accounts wake when a row is chosen.
const bulk = document.querySelector("form[data-bulk]");
if (bulk) {
  const picks = () => [...document.querySelectorAll("input[name^='pick.']")];
  const refresh = () => bulk.classList.toggle("active", picks().some((pick) => pick.checked));
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) for (const pick of picks()) pick.checked = event.target.checked;
    if (event.target.matches("[data-pick-all], input[name^='pick.']")) refresh();
  });
}

// The text of a term, beside the pointer or the focus; Escape closes it.
const tip = Object.assign(document.createElement("div"), { id: "tip", hidden: true });
tip.setAttribute("role", "tooltip");
document.body.append(tip);
let explained = null;
function explain(owner) {
  if (owner === explained) return;
  explained?.removeAttribute("aria-describedby");
  explained = owner;
  tip.hidden = !owner;
  if (!owner) return;
  tip.textContent = owner.dataset.tip;
  owner.setAttribute("aria-describedby", tip.id);
  const box = owner.getBoundingClientRect(), below = box.bottom + 6, { offsetWidth: width, offsetHeight: height } = tip;
  tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  tip.style.top = `${below + height < innerHeight ? below : Math.max(8, box.top - height - 6)}px`;
}
for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, (event) => explain(event.target.closest?.("[data-tip]") ?? null));
for (const kind of ["focusout", "scroll"]) document.addEventListener(kind, () => explain(null), true);

// Keys: / searches, j and k move through the rows, Enter opens, m logs an outcome.
const listed = () => [...document.querySelectorAll("tr[data-row]")];
let position = -1;
function choose(next) {
  const rows = listed();
  if (!rows.length) return;
  position = Math.min(Math.max(next, 0), rows.length - 1);
  for (const row of rows) row.classList.toggle("chosen", row === rows[position]);
  rows[position].querySelector("a").focus();
  rows[position].scrollIntoView({ block: "nearest" });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    explain(null);
    const open = menus().find((menu) => menu.open);
    if (open) { open.open = false; open.querySelector("summary").focus(); }
    return;
  }
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); document.querySelector(".find input")?.focus(); }
  if (event.key === "?") document.querySelector("[data-help]")?.click();
  if (event.key === "j") choose(position + 1);
  if (event.key === "k") choose(position - 1);
  if (event.key === "m" && listed()[position]) {
    const menu = listed()[position].querySelector("details.menu");
    if (menu) { menu.open = true; menu.querySelector("input[name=note]").focus(); event.preventDefault(); }
  }
});

// The timeline shows the event kinds that are checked.
for (const kinds of document.querySelectorAll("[data-kinds]")) {
  kinds.addEventListener("change", () => {
    const shown = new Set([...kinds.querySelectorAll("input:checked")].map((box) => box.value));
    for (const entry of document.querySelectorAll("[data-kind]")) entry.hidden = !shown.has(entry.dataset.kind);
    for (const month of document.querySelectorAll(".timeline > li")) {
      month.hidden = !month.querySelector("[data-kind]:not([hidden])");
    }
  });
}

// Sliders ask the server for a new score; only moved sliders are sent, because a slider rounds to its steps.
for (const form of document.querySelectorAll("form[data-what-if]")) {
  const answer = document.querySelector("[data-what-if-answer]");
  const sliders = [...form.querySelectorAll("input[type=range]")];
  const written = new Map(sliders.map((slider) => [slider, slider.nextElementSibling.textContent]));
  const moved = new Set();
  let waiting, latest = 0;
  const ask = async () => {
    const mine = ++latest;
    const params = new URLSearchParams({ part: "what-if", target: form.elements.target.value });
    for (const slider of moved) params.set(slider.name, slider.value);
    const reply = await fetch(`${location.pathname}?${params}`, { headers: { accept: "text/html" } }).catch(() => null);
    const part = reply?.ok ? await reply.text() : "";
    if (mine !== latest) return;
    // A whole page in position of a part means that the session has ended.
    if (part && !part.startsWith("<!doctype")) answer.innerHTML = part;
    else answer.textContent = form.dataset.failed;
  };
  const write = (slider) => {
    const now = !moved.has(slider) && written.get(slider);
    const shown = slider.dataset.percent ? `${Math.round(slider.value * 100)}%` : Number(slider.value).toLocaleString("en");
    slider.nextElementSibling.textContent = now || shown;
  };
  form.addEventListener("input", (event) => {
    moved.add(event.target);
    write(event.target);
    clearTimeout(waiting);
    waiting = setTimeout(ask, 180);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    moved.clear();
    for (const slider of sliders) { slider.value = slider.dataset.now; write(slider); }
    ask();
  });
}
