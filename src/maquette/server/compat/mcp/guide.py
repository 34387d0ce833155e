"""What an assistant is told at the start: how work goes here, and a prompt for the whole loop."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

__all__ = ["INSTRUCTIONS", "refinement_loop"]

INSTRUCTIONS = """\
Maquette is a studio for AI-made pictures. A picture is never overwritten: every call that draws \
adds a version to the project's graph, with the recipe that made it. A version goes by its id, a \
prefix of it, '@' for the newest or '@~2' for the second before it.

How a good picture comes about:
1. 'models' once: sizes, and the words that a small model knows. 'read_prompt' when in doubt.
2. 'generate' 4 to 8 drafts (quality=draft); look at them; 'select' ranks them.
3. 'refine' the chosen one to final quality; 'critique' it.
4. Something named in the prompt is weak or missing: 'heatmap' shows where its word looked, \
'reweight' lets it count more. Same seed, same composition.
5. Something is wrong in one place: 'mask' it, look at the mask, 'inpaint' it with a few words.
6. 'compare' with the version before: better? If not, 'rollback' and try otherwise.
7. 'mark' what the person likes; 'export' when they approve.

Judge pictures with your own eyes; findings tell only what can be measured. Change one thing at a \
time. Show the person the pictures and name their ids. Drawing takes seconds to minutes: a tool \
that answers 'waiting' goes on by itself, ask after it with 'wait'.
"""


def refinement_loop(
    brief: Annotated[str, Field(description="What the picture shall show.")],
    rounds: Annotated[str, Field(description="How many rounds of mending at most.")] = "3",
) -> str:
    """Make a picture from a brief: draft, choose, refine, look inside, mend, compare, export."""
    return f"""\
Make one picture for this brief: {brief}

Work like this, with Maquette's tools:
- Read the brief into a prompt in words that the model knows ('models', 'read_prompt').
- 'generate' six drafts. Look at them and say in a sentence each what fits and what does not. Choose
  one ('select' may help) and 'refine' it.
- Then at most {rounds} rounds: 'critique', and look yourself. Take the worst fault first. A word
  that is weak: 'heatmap' it, then 'reweight'. A wrong place: 'mask' it, look, 'inpaint'. After each
  change 'compare' with the version before and say whether it is better; keep the better one.
- Show me the final picture with its id and the path to it, version by version. Ask before you
  'export'.
"""
