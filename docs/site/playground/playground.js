// The page "Playground": an editor, and what ltdsl says of what stands in it. All text is set as text, never as HTML.

const root = document.querySelector("#ltdsl-playground");
const given = JSON.parse(document.querySelector("#playground-data").textContent);
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const [editor, marks, lines, status, menu] = ["editor", "marks", "lines", "status", "examples"].map(part);
const NAME = "recipe.lt";
const LONGEST_LINK = 32_000;

/** An element with attributes and children; children that are strings become text. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Text with what stands between backticks as code. */
function prose(text) {
  return text.split(/`([^`\n]+)`/).map((piece, i) => (i % 2 ? element("code", {}, piece) : piece));
}

// ---- places: Python counts characters, a textarea UTF-16 units

/** Where a line and column of the editor's text lie in it. */
function offset(text, line, column) {
  let start = 0;
  for (let n = 1; n < line; n += 1) start = text.indexOf("\n", start) + 1;
  const rest = text.slice(start, start + 2 * column);
  return start + [...rest].slice(0, column - 1).join("").length;
}

function range(text, place) {
  if (place.line === null || place.file !== NAME) return null;
  return [offset(text, place.line, place.column), offset(text, place.end_line, place.end_column)];
}

// ---- the editor

/** Line numbers, and the text once more behind the editor, with what is wrong underlined. */
function draw(text, problems) {
  const count = text.split("\n").length;
  editor.rows = Math.max(8, Math.min(count + 1, 26));
  lines.textContent = Array.from({ length: count }, (_, i) => i + 1).join("\n");
  const ranges = problems
    .map((problem) => [range(text, problem), problem.severity])
    .filter(([found]) => found)
    .sort(([a], [b]) => a[0] - b[0]);
  const pieces = [];
  let at = 0;
  for (const [[start, end], severity] of ranges) {
    if (start < at) continue;
    const stop = Math.max(end, Math.min(start + 1, text.length));
    pieces.push(text.slice(at, start));
    pieces.push(element("mark", { class: severity }, text.slice(start, stop) || " "));
    at = stop;
  }
  marks.replaceChildren(...pieces, `${text.slice(at)}\n`);
  follow();
}

function follow() {
  marks.scrollTop = lines.scrollTop = editor.scrollTop;
  marks.scrollLeft = editor.scrollLeft;
}

function select(place) {
  const found = range(editor.value, place);
  if (!found) return;
  editor.focus();
  editor.setSelectionRange(...found);
  editor.scrollTop = (place.line - 4) * parseFloat(getComputedStyle(editor).lineHeight);
}

/** A change that Ctrl-Z takes back; where a browser has no such thing, a change all the same. */
function replace(start, end, text) {
  editor.focus();
  editor.setSelectionRange(start, end);
  const done = text === "" ? document.execCommand("delete") : document.execCommand("insertText", false, text);
  if (!done) editor.setRangeText(text, start, end, "end");
  changed();
}

function write(text) {
  if (text !== editor.value) replace(0, editor.value.length, text);
}

// ---- answers

/** The text that the answer on the page is of: where another stands in the editor, its layout and places mean nothing. */
let asked;

/** What a button does, where the text is still the one that the button was made for. */
const ifSame = (act) => () => {
  if (editor.value === asked) act();
};

function problemItem(problem) {
  const { code, severity, line, column } = problem;
  const explained = given.codes[code];
  const where = problem.line === null ? "" : `${problem.file === NAME ? "" : `${problem.file}:`}${line}:${column}`;
  const head = element(
    "p",
    { class: "problem-head" },
    element("span", { class: `severity ${severity}` }, severity),
    " ",
    explained ? element("a", { href: explained }, code) : code,
    " ",
    problem.file === NAME
      ? element("button", { type: "button", class: "place", title: "Show in the editor", onclick: ifSame(() => select(problem)) }, where)
      : where,
  );
  const item = element("li", { class: severity }, head, element("p", {}, ...prose(problem.message)));
  if (problem.label) item.append(element("p", { class: "aside" }, ...prose(problem.label)));
  for (const other of problem.related) {
    const at = other.line === null ? "" : `${other.file === NAME ? "line " : `${other.file}:`}${other.line}: `;
    item.append(element("p", { class: "aside" }, at, ...prose(other.message)));
  }
  if (problem.help) item.append(element("p", { class: "help" }, element("b", {}, "help: "), ...prose(problem.help)));
  if (problem.note) item.append(element("p", { class: "aside" }, element("b", {}, "note: "), ...prose(problem.note)));
  const edit = problem.edit;
  const found = edit && range(editor.value, edit);
  if (found) {
    const before = editor.value.slice(...found);
    const change = !before ? `Put in ${edit.replacement}` : edit.replacement ? `${before} → ${edit.replacement}` : `Take out ${before}`;
    const act = ifSame(() => replace(...found, edit.replacement));
    item.append(element("button", { type: "button", class: "fix", onclick: act }, `Fix: ${change}`));
  }
  return item;
}

function show(text, answer) {
  asked = text;
  draw(text, answer.diagnostics);
  const list = part("problems");
  list.replaceChildren(...answer.diagnostics.map(problemItem));
  part("summary").textContent = answer.summary;
  part("fix").disabled = !answer.diagnostics.some((each) => each.safe && each.edit?.file === NAME);
  const layout = part("formatted");
  const same = answer.formatted === text;
  layout.textContent = answer.formatted ?? "";
  layout.hidden = answer.formatted === null || same;
  part("format").disabled = answer.formatted === null || same;
  const note =
    answer.formatted === null
      ? "A text with syntax errors has no layout."
      : same
        ? "The recipe is laid out as `ltdsl fmt` would lay it out."
        : "As `ltdsl fmt` would write it:";
  part("layout-note").replaceChildren(...prose(note));
  showPlan(answer.plan);
}

function showPlan(plan) {
  part("plan-note").textContent = plan ? "" : "There is a plan where there is no error.";
  part("plan").hidden = !plan;
  if (!plan) return;
  part("headline").replaceChildren(...plan.headline.map((line) => element("p", {}, line)));
  const row = (cells, tag) =>
    element("tr", {}, ...cells.map((cell, i) => element(i && tag === "td" ? "td" : "th", { scope: i && tag === "td" ? undefined : tag === "td" ? "row" : "col" }, cell)));
  part("stages").replaceChildren(
    element("thead", {}, row(["", ...plan.stages], "th")),
    element("tbody", {}, ...plan.rows.map((cells) => row(cells, "td"))),
  );
  part("notes").replaceChildren(...plan.notes.map((note) => element("p", {}, note)), element("p", {}, "hash ", element("code", {}, plan.hash)));
  part("json").textContent = plan.json;
}

// ---- the worker

let worker;
let questions = 0;
let answered = false;
const waiting = new Map();

function say(text, kind = "") {
  status.textContent = text;
  status.className = kind;
}

function begin() {
  worker = new Worker(new URL(given.worker, import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => {
    if (data.started && !data.failed) return;
    const [resolve, reject] = waiting.get(data.id) ?? [];
    waiting.delete(data.id);
    if (data.failed) {
      const what = data.started
        ? "ltdsl failed on this text, which is a mistake of its own"
        : "ltdsl could not be started here";
      say(`${what}: ${data.failed}`, "failed");
      reject?.(new Error(data.failed));
    } else resolve?.(data.answer);
  };
  worker.onerror = (event) => say(`ltdsl could not be started here: ${event.message || "its files cannot be loaded"}`, "failed");
  worker.postMessage({ folder: new URL(`${given.folder}/`, import.meta.url).href, files: given.files });
}

function tell(ask, text, name = NAME, files = undefined) {
  questions += 1;
  const id = questions;
  return new Promise((resolve, reject) => {
    waiting.set(id, [resolve, reject]);
    worker.postMessage({ id, ask, text, name, files });
  });
}

// one question at a time, and of those that pile up while it is answered only the last
let busy = false;
let again = false;
async function check() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    do {
      again = false;
      const text = editor.value;
      if (answered) say("checking …");
      const answer = await tell("answer", text);
      if (text === editor.value) {
        answered = true;
        show(text, answer);
        say("checked by ltdsl in this browser", "ready");
        root.dataset.ready = "true";
      } else again = true;
    } while (again);
  } catch {
    // said already
  } finally {
    busy = false;
  }
}

let pause;
function changed() {
  menu.value = String(given.examples.findIndex(({ text }) => text === editor.value)).replace("-1", "");
  draw(editor.value, []);
  for (const button of [part("fix"), part("format"), ...part("problems").querySelectorAll("button")]) button.disabled = true;
  root.removeAttribute("data-ready");
  clearTimeout(pause);
  pause = setTimeout(check, 200);
}

// ---- links: a fragment is never sent to a server

function encoded(text) {
  const data = new TextEncoder().encode(text);
  const letters = Array.from(data, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function decoded(letters) {
  const data = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(data, (c) => c.charCodeAt(0)));
}

/** The recipe of a link; null where it has none. */
function linked() {
  part("link-note").textContent = "";
  const found = /^#recipe=(.*)$/s.exec(location.hash);
  if (!found) return null;
  try {
    return decoded(found[1]).replace(/\r\n?/g, "\n");
  } catch {
    part("link-note").textContent = "This link holds no recipe: it was cut short, or changed on its way.";
    return null;
  }
}

async function link() {
  const fragment = `#recipe=${encoded(editor.value)}`;
  if (fragment.length > LONGEST_LINK) {
    part("link-note").textContent = "This recipe is too long for a link.";
    return;
  }
  history.replaceState(null, "", fragment);
  try {
    await navigator.clipboard.writeText(location.href);
    part("link-note").textContent = "Copied. The recipe is in the link itself, after the #, which browsers send to no server.";
  } catch {
    part("link-note").textContent = "The link is in the address bar. The recipe is in it, after the #, which browsers send to no server.";
  }
}

// ---- together

menu.append(element("option", { value: "", disabled: "" }, "own text"));
menu.append(...given.examples.map(({ name }, i) => element("option", { value: String(i) }, name)));
menu.addEventListener("change", () => {
  const chosen = given.examples[Number(menu.value)];
  if (chosen) write(chosen.text);
});
editor.addEventListener("input", changed);
editor.addEventListener("scroll", follow);
new ResizeObserver(follow).observe(editor);
part("fix").addEventListener("click", async () => {
  const before = editor.value;
  const text = await tell("fixed", before).catch(() => null);
  if (text !== null && editor.value === before) write(text); // who has typed meanwhile keeps what was typed
});
part("format").addEventListener("click", ifSame(() => write(part("formatted").textContent)));
part("link").addEventListener("click", link);
window.addEventListener("hashchange", () => {
  const text = linked();
  if (text !== null) write(text);
});

const first = given.examples[0];
const text = linked() ?? first.text;
editor.value = text;
menu.value = text === first.text ? "0" : "";
if (text === first.text) show(text, given.first);
else draw(text, []);
say("starting: Python and ltdsl are being loaded, some megabytes, once …");
begin();
check();

// for tests: the same answers, of any text
window.ltdslPlayground = { tell };

if ("serviceWorker" in navigator && window.isSecureContext) {
  navigator.serviceWorker.register(new URL("offline.js", import.meta.url)).catch(() => {});
}
