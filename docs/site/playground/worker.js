// Runs ltdsl's language half for the playground, beside the page, so that the page never waits.
// Told {folder} first; then each {id, ask, text, name} is answered by {id, answer}. {files} lays files beside recipes.

let python, answer, fixed;
const RECIPES = "/recipes";

async function bytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} for ${url}`);
  return response.arrayBuffer();
}

/** Packages into Python's file system: a length in four bytes, names and sizes in JSON, the files one after another. */
function layOut(files, packed) {
  const length = new DataView(packed).getUint32(0, true);
  const names = JSON.parse(new TextDecoder().decode(new Uint8Array(packed, 4, length)));
  let at = 4 + length;
  const made = new Set();
  for (const [name, size] of names) {
    const path = `/lib/python3.14/site-packages/${name}`;
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (!made.has(folder)) files.mkdirTree(folder);
    made.add(folder);
    files.writeFile(path, new Uint8Array(packed, at, size), { canOwn: true });
    at += size;
  }
}

async function start(folder) {
  const packages = bytes(`${folder}packages.bin`);
  const { loadPyodide } = await import(`${folder}pyodide.mjs`);
  python = await loadPyodide({ indexURL: folder, stdLibURL: `${folder}stdlib.zip` });
  layOut(python.FS, await packages);
  python.FS.mkdirTree(RECIPES);
  python.FS.chdir(RECIPES);
  const module = python.pyimport("playground.answer");
  [answer, fixed] = [module.answer, module.fixed];
}

function reply({ ask, text, name }) {
  const view = python.toPy(new TextEncoder().encode(text));
  const data = view.tobytes();
  view.destroy();
  try {
    if (ask === "fixed") return fixed(data, name) ?? null;
    const found = answer(data, name);
    try {
      return found.toJs({ dict_converter: Object.fromEntries });
    } finally {
      found.destroy();
    }
  } finally {
    data.destroy();
  }
}

function place(files) {
  for (const [name, text] of Object.entries(files)) {
    const path = `${RECIPES}/${name}`;
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    python.FS.writeFile(path, text);
  }
}

let ready;
self.onmessage = async ({ data }) => {
  try {
    if (data.folder) ready = start(data.folder);
    await ready;
    if (data.files) place(data.files);
    if (data.folder) postMessage({ started: true });
    if (data.ask) postMessage({ id: data.id, answer: reply(data) });
  } catch (error) {
    // of a traceback, the last line says what happened
    const lines = String(error?.message ?? error).trim().split("\n");
    postMessage({ id: data.id, failed: lines.at(-1), started: answer !== undefined });
  }
};
