"""Prepares MindSpore as a run does, before anything imports it."""

from ltdsl_runtime.machine.device import prepare

prepare("cpu")
