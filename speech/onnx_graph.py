"""ONNX files, read and changed at the level of their bytes: tensors inside a network become outputs of it.

The format is Protocol Buffers (https://protobuf.dev/programming-guides/encoding) with the fields of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); onnxruntime reads it, but offers no way to change it.
"""

from __future__ import annotations

# Numbers of fields in onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_OUTPUT = 12
_VALUE_NAME = 1

_BYTES = 2  # the wire type of texts and messages


def with_output(model: bytes, tensor: str) -> bytes:
    """A model that also returns one of its inner tensors.

    Where a field that may stand once stands twice, Protocol Buffers merges both: a graph that has nothing but the
    output is all that must be appended.

    Args:
        model: an ONNX file's content.
        tensor: the tensor's name; onnxruntime refuses the model if it has none of that name.
    """
    return model + _field(_MODEL_GRAPH, _field(_GRAPH_OUTPUT, _field(_VALUE_NAME, tensor.encode())))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
