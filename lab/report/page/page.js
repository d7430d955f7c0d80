"use strict";
// Sort tables by their headings, and say what is under the pointer or has the focus.
(function () {
  function makeSortable(table) {
    const headings = Array.from(table.tHead.rows[0].cells);
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, headings, column));
    });
  }

  function sort(table, headings, column) {
    const heading = headings[column];
    const numbers = heading.classList.contains("number");
    const before = heading.getAttribute("aria-sort");
    // Numbers begin with the largest: that is what people look for.
    const down = before ? before === "ascending" : numbers;
    headings.forEach((one) => one.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const key = (row) => {
      const cell = row.cells[column];
      const text = "value" in cell.dataset ? cell.dataset.value : cell.textContent;
      return numbers ? Number(text) : text;
    };
    const order = numbers ? (a, b) => a - b : (a, b) => a.localeCompare(b, "en");
    const rows = Array.from(body.rows, (row) => [key(row), row]);
    rows.sort((a, b) => (down ? order(b[0], a[0]) : order(a[0], b[0])));
    body.append(...rows.map((pair) => pair[1]));
  }

  const tip = document.getElementById("tip");
  let shown = null;

  function show(tile) {
    if (shown === tile) return;
    hide();
    shown = tile;
    tile.classList.add("shown");
    const title = document.createElement("b");
    title.textContent = tile.dataset.title;
    const facts = tile.dataset.facts.split("; ").map((fact) => {
      const line = document.createElement("div");
      line.textContent = fact;
      return line;
    });
    tip.replaceChildren(title, ...facts);
    tip.hidden = false;
    place(tile.getBoundingClientRect());
  }

  function place(at) {
    const gap = 8;
    const width = document.documentElement.clientWidth;
    const height = window.innerHeight;
    const left = Math.min(Math.max(gap, at.left), Math.max(gap, width - tip.offsetWidth - gap));
    let top = at.bottom + gap;
    if (top + tip.offsetHeight > height) top = at.top - gap - tip.offsetHeight;
    if (top < gap) top = Math.max(gap, height - tip.offsetHeight - gap);
    tip.style.left = left + "px";
    tip.style.top = top + "px";
  }

  function hide() {
    if (shown) shown.classList.remove("shown");
    shown = null;
    tip.hidden = true;
  }

  function tileOf(event) {
    return event.target instanceof Element ? event.target.closest(".tile") : null;
  }

  // One stop of the Tab key for each picture; inside of it, arrows move.
  function move(tile, key) {
    const tiles = Array.from(tile.parentElement.querySelectorAll(".tile"));
    const at = tiles.indexOf(tile);
    const targets = {
      ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1,
      Home: 0, End: tiles.length - 1,
    };
    const next = tiles[targets[key]];
    if (!next) return false;
    tile.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    return true;
  }

  document.querySelectorAll("table.sortable").forEach(makeSortable);
  document.addEventListener("pointerover", (event) => {
    const tile = tileOf(event);
    if (tile) show(tile);
    else if (!shown || !shown.contains(document.activeElement)) hide();
  });
  document.addEventListener("focusin", (event) => {
    const tile = tileOf(event);
    if (tile) show(tile);
    else hide();
  });
  document.addEventListener("click", (event) => {
    const tile = tileOf(event);
    if (tile) show(tile);
    else hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const tile = tileOf(event);
    if (tile && move(tile, event.key)) event.preventDefault();
  });
  // Focus scrolls its box into view, and what is said goes with it.
  document.addEventListener("scroll", () => {
    if (shown && shown === document.activeElement) place(shown.getBoundingClientRect());
    else hide();
  }, { passive: true, capture: true });
})();
