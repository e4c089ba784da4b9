// Runs compile.py in the Pyodide of the playground: bytecode is that of its own Python.
// node compile.mjs PYODIDE_FOLDER INPUT_FOLDER OUTPUT_FOLDER
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [pyodideFolder, input, output] = process.argv.slice(2).map((each) => path.resolve(each));
const { loadPyodide } = await import(pathToFileURL(path.join(pyodideFolder, "pyodide.mjs")));
const python = await loadPyodide({ indexURL: pyodideFolder + path.sep });
for (const [name, folder] of [["/in", input], ["/out", output], ["/stdlib", pyodideFolder]]) {
  python.FS.mkdir(name);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, name);
}
try {
  python.runPython(fs.readFileSync(new URL("compile.py", import.meta.url), "utf-8"));
} catch (error) {
  console.error(error.message); // thrown on, it would print the whole of Pyodide's code
  process.exit(1);
}
