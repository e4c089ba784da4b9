"""What MindSpore's ONNX files lack: names, a batch of any size, a description. Needs the extra `onnx`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnnxError(Exception):
    """A file is no valid ONNX model, or cannot be run."""


def finish(
    path: Path, outputs: Sequence[str], batch_size: int | None, classes: Sequence[str]
) -> None:
    """Name a file's outputs, let its batch be of any size, and note its classes in it.

    Args:
        path: The file, with a batch of one where ``batch_size`` is None.
        outputs: Names of the outputs, in order.
        batch_size: Images of a call; None for any number, called N.
        classes: One name a class, kept as a JSON list in the file's metadata.

    Raises:
        OnnxError: ONNX's own checker finds fault with the file.
    """
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    names = {output.name: name for output, name in zip(graph.output, outputs, strict=True)}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = names[output.name]
    if batch_size is None:
        del graph.value_info[:]  # sizes of what is in between
        for value in (*graph.input, *graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.helper.set_model_props(model, {"classes": json.dumps(list(classes), ensure_ascii=False)})
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise OnnxError(str(error)) from error
    onnx.save(model, str(path))


def run_onnx(path: Path, images: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """Run a file on a CPU.

    Args:
        path: The file.
        images: uint8 [B, ch, H, W].

    Returns:
        What it computes, in order.

    Raises:
        OnnxError: ONNX Runtime refuses it.
    """
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.log_severity_level = 4  # errors are raised
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: images})
    except Exception as error:  # its exceptions have no common class
        raise OnnxError(str(error)) from error
