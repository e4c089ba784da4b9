"""Native kernels of ltdsl, compiled. `manifest.json` says of what; ltdsl finds the files without importing this."""
