"""What an ONNX file reads and answers, told without running it: no runtime, no weights in memory.

The file is one protocol buffer (onnx.proto of the format's specification): ModelProto holds a
GraphProto, and that its nodes, weights, inputs and outputs. Fields of no use here are skipped by
their lengths.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.errors import ModelRefused

__all__ = ["End", "Graph", "read_graph"]

_FIRST = 8
"""So many nodes are told of: they show what a network does to its input."""


@dataclass(frozen=True)
class End:
    """An input or output: its name, sides (None = any; no shape at all = none known)."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Graph:
    """``first`` are the operators of the first nodes, in order."""

    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    first: tuple[str, ...]


def read_graph(file: Path) -> Graph:
    """The ends of a network.

    Raises:
        ModelRefused: no ONNX file, or one that was cut short.
    """
    try:
        with (
            file.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            graph = next(
                (span for number, span in _fields(data, 0, len(data)) if number == 7), None
            )
            if isinstance(graph, tuple):
                return _graph(data, graph)
    except (OSError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise ModelRefused(
            f"{file.name} is no ONNX file, or is cut short", hint="get it again"
        ) from error
    raise ModelRefused(f"{file.name} is no ONNX file", hint="get it again")


_Span = tuple[int, int]


def _graph(data: Any, span: _Span) -> Graph:
    first: list[str] = []
    weights: set[str] = set()
    inputs: list[End] = []
    outputs: list[End] = []
    for number, value in _fields(data, *span):
        if not isinstance(value, tuple):
            continue
        if number == 1 and len(first) < _FIRST:
            first.append(_text(data, value, 4))
        elif number == 5:
            weights.add(_text(data, value, 8))
        elif number in {11, 12}:
            (inputs if number == 11 else outputs).append(_end(data, value))
    # Files before version 4 of the format list their weights among the inputs.
    return Graph(
        tuple(each for each in inputs if each.name not in weights), tuple(outputs), tuple(first)
    )


def _end(data: Any, span: _Span) -> End:
    """A ValueInfoProto: name (1), type (2) of a tensor (1), whose shape (2) has sides (1)."""
    sides: list[int | None] = []
    shape: _Span | None = span
    for number in (2, 1, 2):
        shape = _inner(data, shape, number) if shape is not None else None
    for number, side in _fields(data, *shape) if shape is not None else ():
        if number == 1 and isinstance(side, tuple):
            told = next((n for field, n in _fields(data, *side) if field == 1), None)
            sides.append(told if isinstance(told, int) and told > 0 else None)
    return End(_text(data, span, 1), tuple(sides))


def _inner(data: Any, span: _Span, wanted: int) -> _Span | None:
    for number, value in _fields(data, *span):
        if number == wanted and isinstance(value, tuple):
            return value
    return None


def _text(data: Any, span: _Span, wanted: int) -> str:
    found = _inner(data, span, wanted)
    return bytes(data[found[0] : found[1]]).decode() if found is not None else ""


def _fields(data: Any, start: int, end: int) -> Iterator[tuple[int, int | _Span]]:
    """Fields of a message: a number with its value, or with where its bytes lie.

    Raises:
        ValueError, IndexError: for what is no such message.
    """
    while start < end:
        key, start = _varint(data, start)
        match key & 7:
            case 0:
                value, start = _varint(data, start)
                yield key >> 3, value
            case 1:
                start += 8
            case 2:
                length, start = _varint(data, start)
                if start + length > end:
                    raise ValueError("a field reaches beyond its message")
                yield key >> 3, (start, start + length)
                start += length
            case 5:
                start += 4
            case _:
                raise ValueError("no field of a message")
    if start != end:
        raise ValueError("a message ends within a field")


def _varint(data: Any, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
