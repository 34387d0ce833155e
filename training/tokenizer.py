"""Train the tokenizer on the captions and mark which tokens speak of which noun.

    python -m training.tokenizer --run RUN

writes RUN/tokenizer (a stock CLIPTokenizer: vocab.json, merges.txt) and RUN/text.npz: ids (int16
N x phrasings x LENGTH) and nouns (int8, same shape: index in `training.world.NOUNS`, -1 for none).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from training.data import read_captions
from training.world import NOUNS

LENGTH = 40
VOCABULARY = 1800
START, END = "<|startoftext|>", "<|endoftext|>"
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
#: Words close to the world that captions do not use; they keep one token each for later teaching.
SPARE = ("snow", "river", "lake", "bird", "dog", "owl", "panda", "flower", "rain", "cloud", "plant")


def train_tokenizer(captions: Iterable[str], folder: Path) -> CLIPTokenizer:
    """Train a byte-level BPE in CLIP's layout and save it as a stock CLIPTokenizer folder."""
    base = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>"))
    base.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    base.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=1,
        special_tokens=[],
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    spare = [" ".join(SPARE)] * 50
    base.train_from_iterator([*captions, *spare], trainer)
    merges = [
        tuple(m) if isinstance(m, list) else tuple(m.split(" "))
        for m in json.loads(base.to_str())["model"]["merges"]
    ]
    # CLIP's order: bytes, bytes that end a word, merges, then the two special tokens.
    vocabulary: dict[str, int] = {}
    joined = (a + b for a, b in merges)
    for piece in (*alphabet, *(a + "</w>" for a in alphabet), *joined, START, END):
        vocabulary.setdefault(piece, len(vocabulary))
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=LENGTH)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=LENGTH)


def mark_nouns(
    tokenizer: CLIPTokenizer, captions: list[tuple[str, list[tuple[int, int, str]]]]
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and, token by token, the noun it speaks of (-1 for none); both N x LENGTH."""
    coded = tokenizer(
        [text for text, _ in captions],
        padding="max_length",
        truncation=True,
        max_length=LENGTH,
        return_offsets_mapping=True,
    )
    ids = np.array(coded.input_ids, np.int16)
    nouns = np.full(ids.shape, -1, np.int8)
    for row, ((_, spans), offsets) in enumerate(zip(captions, coded.offset_mapping, strict=True)):
        for column, (start, end) in enumerate(offsets):
            for left, right, noun in spans:
                if start < right and end > left and end > start:
                    nouns[row, column] = NOUNS.index(noun)
    return ids, nouns


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    run = parser.parse_args().run
    captions = read_captions(run)
    flat = [pair for one in captions for pair in one]
    folder = run / "tokenizer"
    if (folder / "vocab.json").exists():
        tokenizer = CLIPTokenizer.from_pretrained(folder)
    else:
        tokenizer = train_tokenizer((text for text, _ in flat[:30000]), folder)
    ids, nouns = mark_nouns(tokenizer, flat)
    shape = (len(captions), len(captions[0]), LENGTH)
    np.savez(run / "text.npz", ids=ids.reshape(shape), nouns=nouns.reshape(shape))
    longest = int((ids != tokenizer.pad_token_id).sum(1).max()) + 1
    print(f"{len(tokenizer)} tokens; {len(flat)} captions; the longest has {longest} of {LENGTH}")


if __name__ == "__main__":
    main()
