"""Prepares MindSpore as a run does, before anything imports it: later, its device cannot be set any more."""

from ltdsl_runtime.machine.device import prepare

prepare("cpu")
