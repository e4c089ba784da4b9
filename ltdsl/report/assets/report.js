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
    const more_of = table.more ?? {};
    const short = (name) => (keys.length > 1 ? name : name.split(" ")[0]);
    const names = ["class", "training images", "test images", ...keys.map((key) => (keys.length > 1 ? `${key}, %` : "accuracy, %")),
      ...Object.keys(more_of).map((name) => `${short(name)}, %`)];
    const columns = [table.name, table.images, table.tested, ...Object.values(table.accuracies), ...Object.values(more_of)];
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
    root.querySelector("[data-csv]")?.addEventListener("click", () => {
      save("classes.csv", "text/csv", csv(names, [...table.name.keys()].map((index) => columns.map((column) => column[index]))));
    });
    search();
  }

  function save(name, type, text) {
    const link = Object.assign(document.createElement("a"), { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // a spreadsheet computes what begins with such a sign
  function csv(names, rows) {
    const cell = (value) => {
      if (typeof value === "number") return String(value);
      const text = String(value ?? "");
      return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    };
    return [names, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  for (const button of document.querySelectorAll("[data-svg]")) {
    button.addEventListener("click", () => {
      const drawn = button.closest("figure").querySelector("svg");
      if (!drawn) return;
      const style = getComputedStyle(document.documentElement);
      const text = new XMLSerializer().serializeToString(drawn);
      // elsewhere nobody knows the page's colours
      save(`${button.dataset.svg.replace(/[^\w-]+/g, "-")}.svg`, "image/svg+xml", text.replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim()));
    });
  }

  function mistakes(root) {
    const STEP = 20;
    const pairs = table.mistakes[root.dataset.mistakes];
    const [body, input, said, more] = [":scope > .scroll tbody", "input", "output", ".more"].map((part) => root.querySelector(part));
    const folded = table.name.map((name) => name.toLocaleLowerCase());
    const digits = new Intl.NumberFormat("en");
    let shown = 10, found = [];

    const share = (at) => (100 * pairs.count[at]) / Math.max(1, table.tested[pairs.label[at]]);

    function fill() {
      body.replaceChildren(...found.slice(0, shown).map((at) => {
        const row = document.createElement("tr");
        for (const rank of [pairs.label[at], pairs.prediction[at]]) {
          const td = Object.assign(document.createElement("td"), { className: "text name" });
          td.append(Object.assign(document.createElement("bdi"), { textContent: table.name[rank] }));
          row.append(td);
        }
        for (const text of [digits.format(pairs.count[at]), `${share(at).toFixed(0)} %`]) row.append(Object.assign(document.createElement("td"), { textContent: text }));
        return row;
      }));
      said.textContent = `${digits.format(Math.min(shown, found.length))} of ${digits.format(found.length)} pairs of classes`;
      more.hidden = found.length <= shown;
      more.textContent = `Show ${digits.format(Math.min(STEP, found.length - shown))} more`;
    }

    // of the classes that are found, or of those most mistaken, the part of the matrix that they make with each other
    const CLOSE = 16;
    const key = root.dataset.mistakes, counts = new Map();
    for (const at of pairs.count.keys()) counts.set(`${pairs.label[at]} ${pairs.prediction[at]}`, pairs.count[at]);
    const accuracy = table.accuracies[key] ?? [];
    const right = (rank) => Math.round(((accuracy[rank] ?? 0) * table.tested[rank]) / 100);

    function closeup(wanted) {
      const named = wanted ? [...folded.keys()].filter((rank) => folded[rank].includes(wanted)).slice(0, CLOSE - 6) : [];
      const chosen = new Set(named);
      for (const at of found) {
        if (chosen.size >= CLOSE) break;
        for (const rank of [pairs.label[at], pairs.prediction[at]]) if (chosen.size < CLOSE) chosen.add(rank);
      }
      const ranks = [...chosen].sort((a, b) => a - b);
      const named_cell = (rank, scope) => {
        const th = Object.assign(document.createElement("th"), { scope, title: table.name[rank] });
        th.append(Object.assign(document.createElement("bdi"), { textContent: table.name[rank] }));
        return th;
      };
      const head = document.createElement("tr");
      head.append(document.createElement("td"), ...ranks.map((rank) => named_cell(rank, "col")));
      const rows = ranks.map((label) => {
        const row = document.createElement("tr");
        row.append(named_cell(label, "row"), ...ranks.map((prediction) => {
          const count = label === prediction ? right(label) : counts.get(`${label} ${prediction}`) ?? 0;
          const td = Object.assign(document.createElement("td"), { textContent: count ? digits.format(count) : "" });
          const part = count / Math.max(1, table.tested[label]);
          td.style.setProperty("--part", `${Math.round(50 * Math.sqrt(Math.min(1, part)))}%`);
          return td;
        }));
        return row;
      });
      const close = root.querySelector(".closeup");
      close.querySelector("thead").replaceChildren(head);
      close.querySelector("tbody").replaceChildren(...rows);
      close.hidden = ranks.length < 2;
    }

    function search() {
      const wanted = input.value.trim().toLocaleLowerCase();
      found = [...pairs.count.keys()].filter((at) => [pairs.label[at], pairs.prediction[at]].some((rank) => folded[rank].includes(wanted)));
      fill();
      closeup(wanted);
    }

    input.addEventListener("input", search);
    more.addEventListener("click", () => { shown += STEP; fill(); });
    root.querySelector(".take").addEventListener("click", () => {
      const rows = [...pairs.count.keys()].map((at) => [table.name[pairs.label[at]], table.name[pairs.prediction[at]], pairs.count[at], share(at)]);
      save("mistakes.csv", "text/csv", csv(["true", "taken for", "images", "share, %"], rows));
    });
    search();
  }

  for (const root of document.querySelectorAll("[data-mistakes]")) {
    if (table.mistakes?.[root.dataset.mistakes]) mistakes(root);
    else root.remove();
  }

  for (const root of document.querySelectorAll("[data-table]")) {
    if (table.name) finder(root);
    else root.remove();
  }

  const ready = choices.length ? show(choices[0].dataset.show) : draw(places());
  ready.then(() => { document.documentElement.dataset.ready = "yes"; });
})();
