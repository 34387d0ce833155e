"""Importing the heavy libraries in good time."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["import_loaders", "import_transformers", "patient_threads", "uncollected"]

_MODELS = "transformers.models"
_TUNERS, _HELPERS = "peft.tuners.tuners_utils", "peft.helpers"


def patient_threads() -> None:
    """Let torch's threads sleep while they wait for one another, unless the environment says how.

    To be called before torch is imported: OpenMP reads it then. By default a thread that waits
    turns on the spot and so takes the processor from the one that it waits for: with another
    program at work on the same two cores, 20 steps of Postcard took 2.6 to 8.5 s instead of 1.1 s.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector, and leave what was made meanwhile out of its rounds for good.

    Torch, diffusers and transformers make millions of objects that live as long as the process;
    looking through them again and again while they are imported costs a sixth of the time.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.freeze()
            gc.enable()


def import_transformers() -> None:
    """Import transformers, and let it read its folder of models once instead of twice.

    The library finds out what it exports by reading every file of its several hundred models, once
    for ``transformers`` and again for ``transformers.models`` (0.35 s of the 3 s that a model
    takes to load). A plain package of that name, over the same folder, finds submodules as the
    import system does; whoever asks it for a name of its own gets the library's own package.
    """
    import transformers

    if _MODELS in sys.modules:
        return
    folder = str(Path(transformers.__path__[0]) / "models")
    plain = ModuleType(_MODELS)
    plain.__path__ = [folder]
    plain.__spec__ = ModuleSpec(_MODELS, None, origin=folder, is_package=True)
    plain.__spec__.submodule_search_locations = plain.__path__

    def own(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {_MODELS!r} has no attribute {name!r}")
        if sys.modules.get(_MODELS) is plain:
            del sys.modules[_MODELS]
            importlib.import_module(_MODELS)
        return getattr(sys.modules[_MODELS], name)

    plain.__getattr__ = own  # type: ignore[method-assign]  # PEP 562
    sys.modules[_MODELS] = plain


class _Late(type):
    """The type of a class that is imported when somebody first asks whether a thing is of it."""

    def __instancecheck__(cls, thing: object) -> bool:
        return isinstance(thing, getattr(importlib.import_module(_TUNERS), cls.__name__))


def _uncast(*args: Any, **options: Any) -> Any:
    """peft's own function of the name, imported when it is called."""
    return importlib.import_module(_HELPERS).disable_input_dtype_casting(*args, **options)


def import_loaders() -> None:
    """Import diffusers' loaders and hooks without peft, which they need for adapters of its kind.

    Two of their files ask for a name of it at once, which would cost 0.5 s of the 3 s that a model
    takes to load; they get one that stands for it. To be called before anything else of diffusers.
    """
    import diffusers.utils.import_utils  # noqa: F401  (finds out whether peft is installed)

    if "peft" in sys.modules or "diffusers.hooks.layerwise_casting" in sys.modules:
        return
    names = ("peft", "peft.tuners", _TUNERS, _HELPERS)
    stand_ins = {name: ModuleType(name) for name in names}
    for module in stand_ins.values():
        module.__path__ = []
    vars(stand_ins[_TUNERS])["BaseTunerLayer"] = _Late("BaseTunerLayer", (), {})
    vars(stand_ins[_HELPERS])["disable_input_dtype_casting"] = _uncast
    sys.modules.update(stand_ins)
    try:
        importlib.import_module("diffusers.hooks")
        importlib.import_module("diffusers.loaders.lora_base")
    finally:
        for name in names:
            sys.modules.pop(name, None)
