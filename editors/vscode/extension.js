// Starts `ltdsl lsp` and connects it to the editor.
const { window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function activate() {
  const command = workspace.getConfiguration("ltdsl").get("path", "ltdsl");
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
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

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
