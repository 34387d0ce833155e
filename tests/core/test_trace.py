"""Traces survive being packed, and nothing else passes for one."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from maquette.core.geometry import Box
from maquette.core.trace import Trace, TracedWord, pack_trace, unpack_trace
from maquette.core.trajectory import Kept


def trace(words: int = 2, rows: int = 4, columns: int = 6, region: Box | None = None) -> Trace:
    maps = np.random.default_rng(0).random((words, rows, columns), dtype=np.float32)
    return Trace(
        words=tuple(
            TracedWord(text=f"w{n}é", start=n, end=n + 1, weight=1.25, known=n != 1)
            for n in range(words)
        ),
        maps=maps,
        region=region,
        timings={"draw": 1.5},
        ran={"sampler": "ddim", "steps": 30, "names": ["a", "b"]},
    )


@given(
    words=st.integers(1, 5),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    region=st.none() | st.just(Box(x=1, y=2, width=3, height=4)),
)
def test_what_is_packed_comes_back(words: int, rows: int, columns: int, region: Box | None) -> None:
    before = trace(words, rows, columns, region)
    after = unpack_trace(pack_trace(before))
    assert after.words == before.words
    assert after.region == before.region
    assert after.timings == before.timings
    assert after.ran == before.ran
    assert after.maps.dtype == np.float32
    # Half precision: three decimals of a probability.
    np.testing.assert_allclose(after.maps, before.maps, atol=5e-4)


def test_the_same_trace_packs_to_the_same_bytes() -> None:
    assert pack_trace(trace()) == pack_trace(unpack_trace(pack_trace(trace())))


def test_what_was_kept_comes_back_to_the_bit() -> None:
    latents = np.random.default_rng(1).standard_normal((8, 3, 5)).astype(np.float32)
    kept = tuple(
        Kept(step=step, steps=8, timestep=999.0 - step, latents=latents / step) for step in (2, 4)
    )
    after = unpack_trace(pack_trace(trace().model_copy(update={"kept": kept})))
    assert [(k.step, k.steps, k.timestep) for k in after.kept] == [(2, 8, 997.0), (4, 8, 995.0)]
    for one, other in zip(kept, after.kept, strict=True):
        assert np.array_equal(one.latents, other.latents)


def test_a_trace_that_keeps_nothing_is_packed_as_ever() -> None:
    assert b"kept" not in pack_trace(trace())


HOSTILE = {
    "nothing": b"",
    "no header": b"\xff" * 7,
    "an endless header": b"\xff" * 64,
    "a pickle": pickle.dumps({"maps": 1}),
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
    "no maps": save({"other": np.zeros(3, np.float16)}, metadata={"trace": "{}"}),
    "no metadata": save({"maps": np.zeros((1, 2, 2), np.float16)}),
    "metadata of another kind": save({"maps": np.zeros(1)}, metadata={"trace": "[1]"}),
    "metadata that is no JSON": save({"maps": np.zeros(1)}, metadata={"trace": "{"}),
    "words that are none": save(
        {"maps": np.zeros(1)},
        metadata={
            "trace": json.dumps(
                {"words": [{"letters": 1}], "region": None, "timings": {}, "ran": {}}
            )
        },
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_trace_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a trace"):
        unpack_trace(HOSTILE[name])


def test_a_trace_cut_short_is_refused() -> None:
    whole = pack_trace(trace())
    for length in range(0, len(whole), 37):
        with pytest.raises(ValueError, match="not a trace"):
            unpack_trace(whole[:length])
