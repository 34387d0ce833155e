"""Importing transformers with one reading of its models' folder must change nothing else.

Each test runs in an interpreter of its own, since an import happens once.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

_COUNT = """
import os
folders = []
scan = os.scandir
def counted(path="."):
    if str(path).endswith(os.path.join("transformers", "models")):
        folders.append(path)
    return scan(path)
os.scandir = counted
from maquette.engines.diffusers.imports import import_transformers
import_transformers()
from transformers.models.clip.modeling_clip import CLIPTextModel
assert len(folders) == 1, folders
"""
_SAME = """
from maquette.engines.diffusers.imports import import_transformers
import_transformers()
import_transformers()
from transformers.models.clip.modeling_clip import CLIPTextModel as direct
from transformers import CLIPTextModel as top
import transformers.models as models
assert models.CLIPTextModel is direct is top
import transformers.models as again
assert "BertModel" in dir(again)
from transformers.models import clip
assert clip.CLIPTextModel is direct
"""
_MISSING = """
from maquette.engines.diffusers.imports import import_transformers
import_transformers()
try:
    from transformers.models import NoSuchThing
except ImportError:
    print("refused")
"""


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", [_COUNT, _SAME], ids=["one reading", "the same classes"])
def test_transformers_is_whole_after_it_was_read_once(code: str) -> None:
    _run(code)


def test_a_name_that_transformers_lacks_is_still_an_import_error() -> None:
    assert _run(_MISSING).strip() == "refused"


_LATE = """
import sys
from maquette.engines.diffusers.imports import import_loaders
import_loaders()
assert "peft" not in sys.modules
import torch
from diffusers.loaders import lora_base
assert not isinstance(torch.nn.Linear(1, 1), lora_base.BaseTunerLayer)
from peft.tuners.lora import Linear, LoraConfig
layer = Linear(torch.nn.Linear(2, 2), "one", LoraConfig(), 1)
assert isinstance(layer, lora_base.BaseTunerLayer)
from diffusers.hooks import layerwise_casting
with layerwise_casting.disable_input_dtype_casting(torch.nn.Linear(1, 1)):
    pass
"""


def test_peft_is_imported_when_it_is_used_and_not_before() -> None:
    _run(_LATE)
