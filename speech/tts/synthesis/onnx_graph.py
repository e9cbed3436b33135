"""ONNX files, read and cut at the level of their bytes: inner tensors become outputs, a network becomes several.

The format is Protocol Buffers (https://protobuf.dev/programming-guides/encoding) with the fields of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); onnxruntime reads it, but offers no way to change it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from speech.errors import InputError

Content: TypeAlias = bytes | memoryview


class _Model(IntEnum):
    GRAPH = 7


class _Graph(IntEnum):
    NODE = 1
    INITIALIZER = 5
    INPUT = 11
    OUTPUT = 12


class _Node(IntEnum):
    INPUT = 1
    OUTPUT = 2
    OP_TYPE = 4


_TENSOR_NAME = 8
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_ELEMENT = 1, 1
_ELEMENTS = {"tensor(float)": 1, "tensor(int32)": 6, "tensor(int64)": 7, "tensor(bool)": 9}

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def with_output(model: bytes, tensor: str) -> bytes:
    """A model that also returns one of its inner tensors.

    Where a field that may stand once stands twice, Protocol Buffers merges both: a graph that has nothing but the
    output is all that must be appended.

    Args:
        model: an ONNX file's content.
        tensor: the tensor's name; onnxruntime refuses the model if it has none of that name.
    """
    return model + _field(_Model.GRAPH, _field(_Graph.OUTPUT, _field(_VALUE_NAME, tensor.encode())))


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes:
        operator: its kind, such as "Conv".
        inputs: names of tensors; "" for one that is left out.
        outputs: likewise.
        content: its bytes.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    content: Content


@dataclass(frozen=True, slots=True)
class Part:
    """A network that was cut out of another one.

    Attributes:
        inputs: what it needs: inputs of the whole network, the cut tensor, and what earlier parts give.
        outputs: what it gives to later parts or to the caller.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    _content: Callable[[Mapping[str, str]], bytes]

    def model(self, types: Mapping[str, str]) -> bytes:
        """The part as an ONNX file's content.

        Args:
            types: of the inputs that the whole network hasn't got, as onnxruntime writes them: "tensor(float)".
        """
        return self._content(types)


class OnnxGraph:
    """A network.

    Args:
        model: an ONNX file's content.

    Raises:
        InputError: it is no such file.

    Attributes:
        nodes: its operations, each after those whose results it takes.
        inputs: names of what it is given.
        outputs: names of what it returns.
    """

    def __init__(self, model: bytes) -> None:
        self._around: list[bytes] = []
        graph: Content = b""
        self.nodes: list[Node] = []
        self._weights: dict[str, Content] = {}
        self._inputs: dict[str, Content] = {}
        self._outputs: dict[str, Content] = {}
        try:
            for number, value in _fields(memoryview(model)):
                if number == _Model.GRAPH and not isinstance(value, int):
                    graph = value
                else:
                    self._around.append(_field(number, value))
            for number, value in _fields(graph):
                if isinstance(value, int):
                    continue
                if number == _Graph.NODE:
                    self.nodes.append(_node(value))
                elif number == _Graph.INITIALIZER:
                    self._weights[_text(value, _TENSOR_NAME)] = value
                elif number in (_Graph.INPUT, _Graph.OUTPUT):
                    side = self._inputs if number == _Graph.INPUT else self._outputs
                    side[_text(value, _VALUE_NAME)] = value
        except (IndexError, ValueError):
            raise InputError("expected an ONNX file, its bytes are damaged") from None
        self.inputs = tuple(name for name in self._inputs if name not in self._weights)
        self.outputs = tuple(self._outputs)
        if not self.nodes or not self.outputs:
            raise InputError("expected an ONNX file, found no network in it")

    def parts(self, cuts: Sequence[str], also: Iterable[str] = ()) -> list[Part]:
        """Cuts the network so that it can be run in steps; what comes after a cut is told by what depends on it.

        Args:
            cuts: tensors that are given from outside from then on, in the order in which they are computed. The node
                that makes one is left out where the network gives it nothing but a shape to fill ("RandomNormalLike").
            also: inner tensors that are to be given out as well.

        Returns:
            len(cuts) + 1 parts: before the first cut, between it and the second, and so on.
        """
        stage_of = self._stages(cuts)
        part_of = {output: stage for node, stage in zip(self.nodes, stage_of, strict=True) for output in node.outputs}
        wanted = {*self.outputs, *also}
        needs: list[list[str]] = []
        for stage in range(len(cuts) + 1):
            mine = [node for node, at in zip(self.nodes, stage_of, strict=True) if at == stage]
            taken = dict.fromkeys(name for node in mine for name in node.inputs if name)
            foreign = [name for name in taken if name not in self._weights and part_of.get(name) != stage]
            needs.append([name for name in foreign if name not in self._constants])
        parts = []
        for stage, inputs in enumerate(needs):
            later = {name for following in needs[stage + 1 :] for name in following}
            outputs = [name for name, at in part_of.items() if at == stage and name in later | wanted]
            nodes = [node for node, at in zip(self.nodes, stage_of, strict=True) if at == stage]
            parts.append(Part(tuple(inputs), tuple(outputs), self._assembler(nodes, inputs, outputs)))
        return parts

    @property
    def _constants(self) -> dict[str, Node]:
        return {node.outputs[0]: node for node in self.nodes if node.operator == "Constant"}

    def _stages(self, cuts: Sequence[str]) -> list[int]:
        """For each node, the number of the part that it belongs to; -1 for one whose result is given from outside."""
        stage_of_tensor = {cut: number + 1 for number, cut in enumerate(cuts)}
        stages = []
        for node in self.nodes:
            stage = max((stage_of_tensor.get(name, 0) for name in node.inputs), default=0)
            if node.operator == "RandomNormalLike" and node.outputs[0] in stage_of_tensor:
                stages.append(-1)
                continue
            for output in node.outputs:
                stage_of_tensor.setdefault(output, stage)
            stages.append(stage)
        return stages

    def _assembler(
        self, nodes: Sequence[Node], inputs: Sequence[str], outputs: Sequence[str]
    ) -> Callable[[Mapping[str, str]], bytes]:
        def assemble(types: Mapping[str, str]) -> bytes:
            taken = {name for node in nodes for name in node.inputs}
            made = {name for node in nodes for name in node.outputs}
            constants = [node for name, node in self._constants.items() if name in taken - made]
            graph = [
                *(_field(_Graph.NODE, node.content) for node in (*constants, *nodes)),
                *(_field(_Graph.INITIALIZER, weight) for name, weight in self._weights.items() if name in taken),
                *(_field(_Graph.INPUT, self._inputs.get(name) or _value(name, types[name])) for name in inputs),
                *(_field(_Graph.OUTPUT, _field(_VALUE_NAME, name.encode())) for name in outputs),
            ]
            return b"".join((*self._around, _field(_Model.GRAPH, b"".join(graph))))

        return assemble


def _value(name: str, type_name: str) -> bytes:
    element = _field(_TENSOR_ELEMENT, _ELEMENTS[type_name])
    return _field(_VALUE_NAME, name.encode()) + _field(_VALUE_TYPE, _field(_TYPE_TENSOR, element))


def _node(content: Content) -> Node:
    operator, inputs, outputs = "", [], []
    for number, value in _fields(content):
        if isinstance(value, int):
            continue
        if number == _Node.INPUT:
            inputs.append(bytes(value).decode())
        elif number == _Node.OUTPUT:
            outputs.append(bytes(value).decode())
        elif number == _Node.OP_TYPE:
            operator = bytes(value).decode()
    return Node(operator, tuple(inputs), tuple(outputs), content)


def _text(message: Content, wanted: int) -> str:
    for number, value in _fields(message):
        if number == wanted and not isinstance(value, int):
            return bytes(value).decode()
    return ""


def _fields(message: Content) -> Iterator[tuple[int, int | Content]]:
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        wire_type = key & 7
        if wire_type == _VARINT:
            number, position = _read_varint(message, position)
            yield key >> 3, number
            continue
        if wire_type == _BYTES:
            size, position = _read_varint(message, position)
        elif wire_type in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if wire_type == _EIGHT_BYTES else 4
        else:
            raise ValueError(wire_type)
        if position + size > len(message):
            raise IndexError(position)
        if wire_type == _BYTES:
            yield key >> 3, message[position : position + size]
        position += size


def _read_varint(message: Content, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7


def _field(number: int, value: int | Content) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    return b"".join((_varint(number << 3 | _BYTES), _varint(len(value)), value))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
