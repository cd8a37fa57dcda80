"use strict";

// Sorts a table by a column: numbers by their value, nothing last, text by the alphabet.
function sortBy(head) {
  const table = head.closest("table");
  const at = [...head.parentNode.children].indexOf(head);
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const numeric = head.classList.contains("num");
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[at];
    const text = cell.dataset.v ?? cell.textContent;
    return { row, key: numeric ? (text === "" ? NaN : Number(text)) : text };
  });
  keyed.sort((a, b) => {
    if (!numeric) return a.key.localeCompare(b.key, "en", { numeric: true }) * (down ? -1 : 1);
    if (Number.isNaN(a.key) || Number.isNaN(b.key)) return Number.isNaN(a.key) - Number.isNaN(b.key);
    return (a.key - b.key) * (down ? -1 : 1);
  });
  body.append(...keyed.map((one) => one.row));
}

for (const head of document.querySelectorAll("table.sortable th")) {
  head.addEventListener("click", () => sortBy(head));
}

// Shows only the rows that hold every word.
for (const field of document.querySelectorAll("input[data-filters]")) {
  const table = document.getElementById(field.dataset.filters);
  const tools = field.closest(".tools");
  const count = tools.querySelector("output");
  const texts = new Map([...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]));
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const [row, text] of texts) {
      row.hidden = !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    count.textContent = words.length ? `${left} of ${texts.size}` : "";
  });
  tools.hidden = false;
}

// One chart of a figure at a time, chosen from a list. Without a script all are shown.
for (const figure of document.querySelectorAll("figure.many")) {
  const charts = [...figure.querySelectorAll(".chart")];
  const list = figure.querySelector("select");
  const show = () => charts.forEach((chart, at) => { chart.hidden = at !== list.selectedIndex; });
  list.addEventListener("change", show);
  list.closest(".tools").hidden = false;
  show();
}

// A name in the key hides what is called so: a method, or a model.
for (const button of document.querySelectorAll(".keys button")) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    const chart = button.closest(".chart");
    const off = [...chart.querySelectorAll('.keys button[aria-pressed="false"]')];
    for (const group of chart.querySelectorAll("g.series")) {
      const hides = (one) => one.dataset.series === group.dataset.series ||
        (one.dataset.of !== undefined && one.dataset.of === group.dataset.of);
      group.classList.toggle("off", off.some(hides));
    }
  });
}

// What a shape says, beside the pointer or the shape that has the focus.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

function say(shape, x, y) {
  tip.textContent = shape.dataset.tip;
  tip.hidden = false;
  const width = document.documentElement.clientWidth;
  tip.style.left = `${Math.max(4, Math.min(x + 14, width - tip.offsetWidth - 8))}px`;
  const below = y + 18 + tip.offsetHeight < window.innerHeight;
  tip.style.top = `${below ? y + 18 : Math.max(4, y - tip.offsetHeight - 10)}px`;
}

document.addEventListener("pointermove", (event) => {
  const shape = event.target.closest?.("[data-tip]");
  if (shape) say(shape, event.clientX, event.clientY);
  else tip.hidden = true;
});
document.addEventListener("focusin", (event) => {
  const shape = event.target.closest?.("[data-tip]");
  if (!shape) return;
  const place = shape.getBoundingClientRect();
  say(shape, place.right, place.top);
});
document.addEventListener("focusout", () => { tip.hidden = true; });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
