"""Prepares MindSpore as a run does, before anything imports it."""

from runtime.device import prepare

prepare("cpu")
