"""From tree to canonical text, which parses back to an equal tree.

The dialect has five escapes, for ``( ) [ ] \\``. The rest rely on a backslash before any other
character: it vanishes, but hides a separator (``\\:``), cuts a number (``:\\5``) or cuts a keyword
(``A\\ND``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .nodes import LESS, MORE, Alternate, Branch, Break, Lora, Node, Part, Prompt, Swap, Text
from .numerals import decimal
from .parser import split_weight
from .tokens import tokenise

__all__ = ["format", "write_lora"]

_BRACKETS = re.compile(r"[()\[\]\\]")
_SEPARATORS = re.compile(r"[()\[\]\\:|]")
_KEYWORD = re.compile(r"\b(A)(ND)\b|\b(B)(REAK)\b|(<)(lora:)")
_NUMBER_AT_END = re.compile(r"\s*+[+-]?+[.\d]++\s*+")


def format(prompt: Prompt) -> str:
    """Canonical text of ``prompt``: ``parse(format(p)) == p``, and formatting again changes
    nothing. Loose brackets come out escaped, unclosed ones closed, numbers at their shortest."""
    if len(prompt.parts) == 1:
        return _nodes(prompt.parts[0].nodes, False, False)
    return " AND ".join(_part(part) for part in prompt.parts)


def write_lora(lora: Lora) -> str:
    """The canonical tag of ``lora``."""
    fields = [lora.name, decimal(lora.text_weight)]
    if lora.extras or lora.weight != lora.text_weight:
        fields.append(decimal(lora.weight))
    return f"<lora:{':'.join([*fields, *lora.extras])}>"


def _part(part: Part) -> str:
    text = _nodes(part.nodes, False, False)
    # Text that happens to end in a number takes an explicit weight, lest its own be one.
    if part.weight != 1.0 or split_weight(tokenise(text))[2] is not None:
        return f"{text}:{decimal(part.weight)}"
    return text


def _nodes(nodes: Sequence[Node], in_square: bool, before_round: bool) -> str:
    """``in_square``: separators must be hidden. ``before_round``: a bare ``)`` follows."""
    last = len(nodes) - 1
    while last >= 0 and isinstance(nodes[last], Lora):
        last -= 1
    out: list[str] = []
    for index, node in enumerate(nodes):
        match node:
            case Text(text):
                out.append(_text(text, in_square, before_round and index == last))
            case Break():
                left = " " if index else ""
                right = " " if index + 1 < len(nodes) else ""
                if index and isinstance(nodes[index - 1], Break):
                    left = ""
                out.append(f"{left}BREAK{right}")
            case Lora():
                out.append(write_lora(node))
            case Swap(before, after, when, fraction):
                first = _branch(before) + ":" if before.nodes else ""
                out.append(f"[{first}{_branch(after)}:{_when(when, fraction)}]")
            case Alternate(branches):
                out.append(f"[{'|'.join(map(_branch, branches))}]")
            case _ if node.weight == LESS:
                out.append(f"[{_nodes(node.nodes, True, False)}]")
            case _ if node.weight == MORE:
                out.append(f"({_nodes(node.nodes, in_square, True)})")
            case _:
                out.append(f"({_nodes(node.nodes, in_square, False)}:{decimal(node.weight)})")
    return "".join(out)


def _branch(branch: Branch) -> str:
    return _nodes(branch.nodes, True, False)


def _when(when: float, fraction: bool) -> str:
    text = decimal(when)
    return text + ".0" if fraction and "." not in text else text


def _text(text: str, in_square: bool, before_round: bool) -> str:
    tail = ""
    if before_round:
        start = text.rfind(":") + 1
        if start and _NUMBER_AT_END.fullmatch(text, start):
            text, tail = text[:start], "\\" + text[start:]
    escaped = (_SEPARATORS if in_square else _BRACKETS).sub(r"\\\g<0>", text)
    return _KEYWORD.sub(_cut, escaped) + tail


def _cut(found: re.Match[str]) -> str:
    head, tail = (group for group in found.groups() if group is not None)
    return f"{head}\\{tail}"
