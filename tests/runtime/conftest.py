"""Prepares MindSpore as a run does, before anything imports it: later, its device cannot be set any more."""

from runtime.device import prepare

prepare("cpu")
