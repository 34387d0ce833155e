"""Freed memory stays with the process: no picture asks the system for it anew."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from maquette.engines.diffusers.memory import keep_freed

DRAW = """
import resource
from maquette.engines.diffusers.memory import keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def layers():  # as a decoder's: some megabytes each, made and let go
    held = [bytearray(b"1") * (3 << 20) for _ in range(8)]
    del held

{said}
layers()
before = faults()
for _ in range(5):
    layers()
print(faults() - before)
"""
glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone can be told; run on Linux"
)


def faults(said: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", DRAW.format(said=said)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@glibc
def test_the_second_picture_finds_the_memory_of_the_first() -> None:
    assert faults("assert keep_freed()") < 500 < faults("")


@pytest.mark.parametrize("name", ["GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_"])
def test_what_the_environment_says_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert not keep_freed()
