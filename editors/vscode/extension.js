// Starts `ltdsl lsp` and connects it to the editor.
const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function start() {
  const settings = workspace.getConfiguration("ltdsl");
  const command = settings.get("path", "ltdsl");
  const docs = settings.get("docs", "");
  const args = ["lsp", ...(docs ? ["--docs", docs] : [])];
  const server = { command, args, transport: TransportKind.stdio };
  client = new LanguageClient("ltdsl", "ltdsl", server, {
    documentSelector: [{ language: "ltdsl" }],
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.lt") },
  });
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(
      `${command} lsp did not start (${error.message}). Install it with pip install "ltdsl[lsp]", ` +
        "or set ltdsl.path to where it is."
    );
  }
}

async function restart() {
  const old = client;
  client = undefined;
  try {
    await old?.dispose();
  } catch {
    // it never ran, or has ended by itself
  }
  await start();
}

async function activate(context) {
  context.subscriptions.push(commands.registerCommand("ltdsl.restart", restart));
  await start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
