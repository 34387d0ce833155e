"""One plain dictionary that says how a prompt is read, for people and for JSON."""

from __future__ import annotations

from typing import Any

from .parser import parse
from .problems import problems
from .runs import runs
from .schedule import schedule
from .words import loras, words

__all__ = ["explain"]


def explain(text: str, steps: int) -> dict[str, Any]:
    """How ``text`` reads over ``steps`` steps, ready for JSON.

    Stable: ``runs`` is ``[[text, weight], …]`` as at the last step, a BREAK being
    ``["BREAK", -1.0]``; ``schedule`` is ``[[until_step, text], …]``; both tell of the first AND
    part. ``parts`` is ``[{"text", "weight"}, …]``, one for each AND part, with the text as
    written less its weight. Then ``loras``, ``words`` and ``problems``, whose entries may gain
    keys.
    """
    prompt = parse(text)
    steps = max(1, steps)
    return {
        "runs": [[run.text, run.weight] for run in runs(prompt, steps, steps)],
        "schedule": [[until, said] for until, said in schedule(prompt, steps)],
        "parts": [
            {"text": _written(text, part.span, part.weight_span), "weight": part.weight}
            for part in prompt.parts
        ],
        "loras": [
            {
                "name": lora.name,
                "weight": lora.weight,
                "text_weight": lora.text_weight,
                "span": list(lora.span),
            }
            for lora in loras(prompt)
        ],
        "words": [
            {"text": word.text, "weight": word.weight, "span": list(word.span)}
            for word in words(prompt)
        ],
        "problems": [
            {
                "span": list(problem.span),
                "message": problem.message,
                "severity": problem.severity,
            }
            for problem in problems(text)
        ],
    }


def _written(text: str, span: tuple[int, int], gap: tuple[int, int] | None) -> str:
    start, end = span
    if gap is None:
        return text[start:end].strip()
    return (text[start : gap[0]] + text[gap[1] : end]).strip()
