"""The protobuf message of a checkpoint file, of which other messages are part."""

from collections.abc import Sequence

class TensorProto:
    dims: Sequence[int]
    tensor_type: str
    tensor_content: bytes

class Checkpoint:
    class Value:
        tag: str
        tensor: TensorProto
        @staticmethod
        def FromString(s: bytes, /) -> Checkpoint.Value: ...
        def HasField(self, field_name: str, /) -> bool: ...
