"use strict";
(() => {
  const { charts, table } = JSON.parse(document.getElementById("data").textContent);

  // expressions are interpreted: the page allows no code but this and the library
  const options = { actions: false, renderer: "svg", ast: true, mode: "vega-lite", tooltip: { theme: "custom" } };

  // the rows of charts over classes, from the table that the page shows anyway; classes come from head to tail
  function classes() {
    return table.name.map((name, index) => {
      const rank = index + 1;
      const row = { name, rank, left: rank - 0.42, right: rank + 0.42, images: table.images[index], tested: table.tested[index] };
      for (const [key, values] of Object.entries(table.accuracies)) row[key] = values[index];
      return row;
    });
  }

  async function draw(places) {
    for (const place of places) {
      if (place.dataset.drawn || place.closest("[hidden]")) continue;
      place.dataset.drawn = "yes";
      const spec = charts[place.dataset.chart];
      if (JSON.stringify(spec.layer.map((layer) => layer.data)).includes('"classes"')) spec.datasets = { ...spec.datasets, classes: classes() };
      await window.vegaEmbed(place, spec, options);
    }
  }

  const places = () => document.querySelectorAll("[data-chart]");

  // one checkpoint's figures at a time
  const choices = document.querySelectorAll("[data-show]");
  function show(key) {
    for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.show === key));
    for (const part of document.querySelectorAll("[data-which]")) part.hidden = part.dataset.which !== key;
    return draw(places());
  }
  for (const choice of choices) choice.addEventListener("click", () => show(choice.dataset.show));

  function finder(root) {
    const STEP = 100;
    const keys = Object.keys(table.accuracies);
    const names = ["class", "training images", "test images", ...keys.map((key) => (keys.length > 1 ? `${key}, %` : "accuracy, %"))];
    const columns = [table.name, table.images, table.tested, ...Object.values(table.accuracies)];
    const [head, body] = [root.querySelector("thead"), root.querySelector("tbody")];
    const [input, said, more] = ["input", "output", ".more"].map((part) => root.querySelector(part));
    const folded = columns[0].map((name) => name.toLocaleLowerCase());
    const collator = new Intl.Collator(undefined, { numeric: true });
    const digits = new Intl.NumberFormat("en");
    let sorted = 1, direction = -1, shown = 10, found = [];

    function compare(a, b) {
      const [x, y] = [columns[sorted][a], columns[sorted][b]];
      if (x === y) return a - b;
      if (x === null || y === null) return x === null ? 1 : -1; // what is unknown comes last
      return direction * (sorted === 0 ? collator.compare(x, y) : x - y) || a - b;
    }

    function cell(value, column) {
      const td = document.createElement("td");
      if (column === 0) {
        td.className = "name";
        td.append(Object.assign(document.createElement("bdi"), { textContent: value }));
      } else {
        td.textContent = value === null ? "–" : column < 3 ? digits.format(value) : value.toFixed(2);
      }
      return td;
    }

    function fill() {
      body.replaceChildren(...found.slice(0, shown).map((index) => {
        const row = document.createElement("tr");
        row.append(...columns.map((column, number) => cell(column[index], number)));
        return row;
      }));
      said.textContent = `${digits.format(Math.min(shown, found.length))} of ${digits.format(found.length)} classes`;
      more.hidden = found.length <= shown;
      more.textContent = `Show ${digits.format(Math.min(STEP, found.length - shown))} more`;
    }

    function search() {
      const wanted = input.value.trim().toLocaleLowerCase();
      found = [...folded.keys()].filter((index) => folded[index].includes(wanted)).sort(compare);
      fill();
    }

    const row = document.createElement("tr");
    names.forEach((name, number) => {
      const th = Object.assign(document.createElement("th"), { scope: "col" });
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      button.addEventListener("click", () => {
        direction = sorted === number ? -direction : number === 0 ? 1 : -1;
        sorted = number;
        [...row.children].forEach((each, at) => each.removeAttribute("aria-sort") || at);
        th.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
        search();
      });
      th.append(button);
      row.append(th);
    });
    row.children[sorted].setAttribute("aria-sort", "descending");
    head.append(row);
    input.addEventListener("input", search);
    more.addEventListener("click", () => { shown += STEP; fill(); });
    search();
  }

  for (const root of document.querySelectorAll("[data-table]")) {
    if (table.name) finder(root);
    else root.remove();
  }

  const ready = choices.length ? show(choices[0].dataset.show) : draw(places());
  ready.then(() => { document.documentElement.dataset.ready = "yes"; });
})();
