"""The device, packages and native kernels of the machine that trains."""
