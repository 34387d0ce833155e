"""Networks in ONNX files, run by ONNX Runtime (an extra). Nothing in such a file is code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maquette.errors import EngineFailed, ExtraMissing, ModelMissing, ModelRefused

__all__ = ["Onnx", "Port"]

Array = npt.NDArray[Any]

_MOST_BYTES = 2 << 30
"""What one file of the format can hold at most; larger networks keep their weights beside it."""


class Port(tuple[str, tuple[int | None, ...], str]):
    """Name, shape (None = any) and type (``tensor(float)``, …) of an input or output."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """What ``run`` calls it."""
        return self[0]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Its sides; None where any will do."""
        return self[1]

    @property
    def kind(self) -> str:
        """Its type as ONNX Runtime spells it."""
        return self[2]


class Onnx:
    """A network of one file, loaded on first use."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """``threads`` 0 = as many as there are cores.

        Raises:
            ModelMissing: there is no such file.
            ModelRefused: too large to be one.
        """
        if not path.is_file():
            raise ModelMissing(f"there is no file {path}")
        if path.stat().st_size > _MOST_BYTES:
            raise ModelRefused(f"{path.name} is larger than an ONNX file can be")
        self.path = path
        self._threads = threads

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise ExtraMissing(
                f"{self.path.name} is an ONNX file, which needs the package 'onnxruntime'",
                hint="pip install 'maquette[onnx]'",
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 4
        try:
            # From bytes: weights beside the file, wherever it says they are, are not followed.
            return onnxruntime.InferenceSession(
                self.path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the library raises a class of its own for every fault
            raise ModelRefused(
                f"{self.path.name} is no ONNX network that can be run here",
                hint="get it again; its weights must be inside the file",
            ) from error

    @property
    def inputs(self) -> list[Port]:
        """What it reads.

        Raises:
            ExtraMissing, ModelRefused.
        """
        return [_port(each) for each in self._session.get_inputs()]

    @property
    def outputs(self) -> list[Port]:
        """What it answers, in the order of ``run``'s."""
        return [_port(each) for each in self._session.get_outputs()]

    def run(self, given: Mapping[str, Array]) -> list[Array]:
        """All outputs.

        Raises:
            EngineFailed: inputs that do not suit it.
        """
        try:
            return [np.asarray(each) for each in self._session.run(None, dict(given))]
        except Exception as error:
            raise EngineFailed(
                f"{self.path.name} cannot work on this: {str(error).splitlines()[0][:200]}"
            ) from error


def _port(told: Any) -> Port:
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in told.shape)
    return Port((told.name, shape, told.type))
