// Stands for VS Code: loads the extension with an editor and a client that only write down what they are asked.
// Arguments: the extension's file, and its settings as JSON. Prints what it did.
const Module = require("node:module");
const [, , file, settings] = process.argv;
const did = { commands: [], started: [], disposed: 0, messages: [] };
const values = JSON.parse(settings);

class LanguageClient {
  constructor(id, name, server, options) {
    this.server = server;
    did.languages = options.documentSelector.map((each) => each.language);
  }
  async start() {
    if (this.server.command === "nowhere") throw new Error("ENOENT");
    did.started.push([this.server.command, ...this.server.args]);
  }
  async dispose() {
    did.disposed += 1;
    if (this.server.command === "nowhere") throw new Error("not running");
  }
  async stop() {}
}
const registered = {};
const fakes = {
  vscode: {
    commands: {
      registerCommand: (name, run) => {
        did.commands.push(name);
        registered[name] = run;
        return { dispose() {} };
      },
    },
    window: { showErrorMessage: (text) => did.messages.push(text) },
    workspace: {
      getConfiguration: (section) => ({
        get: (key, otherwise) => {
          (did.read ??= []).push(`${section}.${key}`);
          return values[`${section}.${key}`] ?? otherwise;
        },
      }),
      createFileSystemWatcher: () => ({}),
    },
  },
  "vscode-languageclient/node": { LanguageClient, TransportKind: { stdio: 0 } },
};
const load = Module._load;
Module._load = (name, ...more) => fakes[name] ?? load(name, ...more);

(async () => {
  const extension = require(file);
  await extension.activate({ subscriptions: [] });
  await registered["ltdsl.restart"]();
  await extension.deactivate();
  console.log(JSON.stringify(did));
})();
