"""From text to template, in one pass with a stack of open braces.

The language is that of Dynamic Prompts, with locked words added:

    template = (text | "{" choice "}" | "${" variable "}" | "__" name "__" | "<lock:" words ">")*
    choice   = [bounds "$$" [joiner "$$"]] option ("|" option)*
    bounds   = n | n "-" m | n "-" | "-" m
    option   = [weight "::"] template
    variable = name | name ":" template | name "=" ["!"] template

``#`` after white space and before white space, or at the beginning of a line, is a comment up to
the line's end. White space with a line break in it is one blank. A backslash before ``{ } | $ # _``
or ``<`` makes the letter plain; before anything else it stays, for it escapes something in the
prompt language.

Where it differs from Dynamic Prompts, on purpose: a mistake is refused with its line instead of
being drawn; variables are set outside of braces only; a ``#`` inside a word is plain, so that
``moon#2`` and ``#ff8800`` can be said; wildcards take no arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from maquette.core.template.nodes import (
    MAX_CHOSEN,
    MAX_NESTING,
    MAX_TEMPLATE,
    Assign,
    Choice,
    Literal,
    Lock,
    Node,
    Option,
    Template,
    Variable,
    Wildcard,
)
from maquette.errors import TemplateRefused

__all__ = ["parse_entry", "parse_template"]

_PIECE = re.compile(
    r"""
    (?P<escape>   \\ [{}|$\#_<] )
  | (?P<pair>     \\\\ )
  | (?P<comment>  (?<=\s) \# (?= \s | \Z ) [^\n]*+ )
  | (?P<hash>     \# [^\n]*+ )
  | (?P<variable> \$\{ \s*+ (?P<name> [A-Za-z_][A-Za-z0-9_-]*+ ) \s*+ (?P<how> =\s*+! | [=:}] ) )
  | (?P<dollar>   \$\{ )
  | (?P<open>     \{ )
  | (?P<close>    \} )
  | (?P<bar>      \| )
  | (?P<wildcard> __ (?P<pattern> [A-Za-z0-9*] (?: [A-Za-z0-9*./-] | _(?!_) ){0,120} ) __ )
  | (?P<lock>     <lock: (?P<locked> [^<>]*+ ) > )
  | (?P<badlock>  <lock: )
  | (?P<space>    \s++ )
  | (?P<plain>    [^\\{}|$\#_<\s]++ | . )
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_BOUNDS = re.compile(
    r"\s*+(?:(?P<low>\d{1,4})(?P<dash>-(?P<high>\d{1,4})?)?|-(?P<most>\d{1,4}))\$\$"
    r"(?:(?P<joiner>[^$|{}]{0,40})\$\$)?"
)
_WEIGHT = re.compile(r"\s*+(?P<weight>\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})::")

_REFUSED = {
    "dollar": "'${' needs a name: letters, digits, _ and -",
    "badlock": "'<lock:' is never closed",
}


def parse_template(text: str, what: str = "the template") -> Template:
    """Read a template. Takes time in proportion to the text's length. ``what`` names it in
    messages.

    Raises:
        TemplateRefused: with the line of the first mistake.
    """
    if len(text) > MAX_TEMPLATE:
        raise TemplateRefused(
            f"{what} has {len(text):,} characters, more than the {MAX_TEMPLATE:,} allowed",
            hint="part it into several templates, or move lists into wildcards",
        )
    return _Parser(text, what).read()


def parse_entry(text: str, what: str) -> tuple[float, Template]:
    """An entry of a wildcard, with its weight (``0.5::fog``).

    Raises:
        TemplateRefused: also for variables that it sets and words that it locks.
    """
    found = _WEIGHT.match(text)
    template = parse_template(text[found.end() :] if found else text, what)
    if any(isinstance(node, Assign | Lock) for node in template.nodes):
        raise TemplateRefused(
            f"{what}: an entry sets no variables and locks no words",
            hint="do it in the template that uses the wildcard",
        )
    return (float(found["weight"]) if found else 1.0), template


@dataclass(slots=True)
class _Open:
    """A brace that is not closed yet. ``name`` is empty for a choice."""

    line: int
    name: str = ""
    how: str = ""
    bounds: tuple[int, int, str] | None = None
    options: list[Option] = field(default_factory=list[Option])
    weight: float = 1.0
    nodes: list[Node] = field(default_factory=list[Node])
    text: list[str] = field(default_factory=list[str])


class _Parser:
    def __init__(self, source: str, what: str) -> None:
        self.source, self.what, self.line = source, what, 1
        self.line_begins = True
        self.frames = [_Open(1)]

    def read(self) -> Template:
        position = 0
        while position < len(self.source):
            found = _PIECE.match(self.source, position)
            assert found is not None, "the pattern takes any character"  # noqa: S101
            position = self._take(found)
            if found.lastgroup == "space":
                self.line += found[0].count("\n")
                self.line_begins |= "\n" in found[0]
            else:
                self.line_begins = False
        if len(self.frames) > 1:
            open_ = self.frames[-1]
            brace = f"${{{open_.name}" if open_.name else "{"
            raise self._refused(f"'{brace}' is never closed", open_.line)
        (top,) = self.frames
        self._flush(top)
        return Template(_trimmed(top.nodes), self.source)

    def _take(self, found: re.Match[str]) -> int:
        """Take in one piece; where the next one begins."""
        top, end = self.frames[-1], found.end()
        kind = found.lastgroup or ""
        if kind in _REFUSED:
            raise self._refused(_REFUSED[kind])
        match kind:
            case "variable":
                return self._variable(found)
            case "open":
                return self._open(end)
            case "close":
                self._close()
            case "bar":
                return self._bar(end)
            case "wildcard":
                self._add(Wildcard(found["pattern"], self.line))
            case "lock":
                self._lock(found["locked"])
            case "hash" if not self.line_begins:
                top.text.append("#")
                return found.start() + 1
            case "hash" | "comment":
                pass
            case "space":
                top.text.append("\n" if "\n" in found[0] else found[0])
            case _:
                top.text.append(found[0][1] if kind == "escape" else found[0])
        return end

    def _variable(self, found: re.Match[str]) -> int:
        name, how = found["name"], found["how"]
        if how == "}":
            self._add(Variable(name, None, self.line))
        else:
            how = "=!" if how.endswith("!") else how
            if how != ":" and len(self.frames) > 1:
                raise self._refused(f"${{{name}=…}} stands inside braces; set it outside of them")
            self._push(_Open(self.line, name, how))
        return found.end()

    def _open(self, end: int) -> int:
        frame = _Open(self.line)
        bounds = _BOUNDS.match(self.source, end)
        if bounds is not None:
            frame.bounds = self._bounds(bounds)
            self.line += bounds[0].count("\n")
            end = bounds.end()
        self._push(frame)
        return self._weight(end)

    def _bounds(self, found: re.Match[str]) -> tuple[int, int, str]:
        if found["most"]:
            low, high = 1, int(found["most"])
        else:
            low = int(found["low"])
            high = int(found["high"] or MAX_CHOSEN) if found["dash"] else low
        if low > high:
            raise self._refused(f"'{low}-{high}$$' chooses from more to fewer")
        if high > MAX_CHOSEN:
            raise self._refused(f"'{found[0].strip()}' chooses more than {MAX_CHOSEN} options")
        joiner = found["joiner"]
        return low, high, ", " if joiner is None else joiner

    def _weight(self, end: int) -> int:
        """Read an option's weight where an option begins."""
        found = _WEIGHT.match(self.source, end)
        if found is None:
            self.frames[-1].weight = 1.0
            return end
        self.frames[-1].weight = float(found["weight"])
        self.line += found[0].count("\n")
        return found.end()

    def _bar(self, end: int) -> int:
        top = self.frames[-1]
        if len(self.frames) == 1 or top.name:
            top.text.append("|")  # a bar outside of a choice is the prompt language's
            return end
        self._end_option(top)
        return self._weight(end)

    def _close(self) -> None:
        if len(self.frames) == 1:
            raise self._refused("'}' closes nothing; write \\} for the letter")
        frame = self.frames.pop()
        self._flush(frame)
        if frame.name:
            nodes = _trimmed(frame.nodes)
            if frame.how == ":":
                self._add(Variable(frame.name, nodes, frame.line))
            else:
                self._add(Assign(frame.name, nodes, frame.how == "=!", frame.line))
            return
        self._end_option(frame)
        options = tuple(option for option in frame.options if option.weight > 0)
        if not options:
            raise self._refused("every option weighs 0", frame.line)
        low, high, joiner = frame.bounds or (1, 1, "")
        if len(options) == 1 and high > 1 and not isinstance(_only(options[0]), Wildcard):
            high = 1
        elif len(options) > 1:
            high = min(high, len(options))
        self._add(Choice(options, min(low, high), high, joiner, frame.line))

    def _end_option(self, frame: _Open) -> None:
        self._flush(frame)
        frame.options.append(Option(_trimmed(frame.nodes), frame.weight))
        frame.nodes = []

    def _lock(self, words: str) -> None:
        said = " ".join(words.split())
        if not said or any(letter in said for letter in "{}[]()|\\:$"):
            raise self._refused(
                f"'<lock:{words[:40]}>' holds something else than words; no syntax goes in there"
            )
        if len(self.frames) > 1:
            raise self._refused(
                f"'<lock:{said[:40]}>' stands inside braces, where a choice could remove it"
            )
        self._add(Lock(said))

    def _push(self, frame: _Open) -> None:
        self._flush(self.frames[-1])
        if len(self.frames) > MAX_NESTING:
            raise self._refused(f"braces nest deeper than {MAX_NESTING}")
        self.frames.append(frame)

    def _add(self, node: Node) -> None:
        self._flush(self.frames[-1])
        self.frames[-1].nodes.append(node)

    @staticmethod
    def _flush(frame: _Open) -> None:
        if frame.text:
            frame.nodes.append(Literal("".join(frame.text)))
            frame.text = []

    def _refused(self, message: str, line: int | None = None) -> TemplateRefused:
        return TemplateRefused(
            f"{self.what}, line {line or self.line}: {message}",
            hint="docs/prompts.md has the language of templates",
        )


def _only(option: Option) -> Node | None:
    return option.nodes[0] if len(option.nodes) == 1 else None


def _trimmed(nodes: list[Node]) -> tuple[Node, ...]:
    """The nodes without white space at either end, and with one blank for each line break."""
    made: list[Node] = []
    for index, node in enumerate(nodes):
        if not isinstance(node, Literal):
            made.append(node)
            continue
        text = re.sub(r"[^\S\n]*\n\s*", " ", node.text)
        text = text.lstrip() if index == 0 else text
        text = text.rstrip() if index == len(nodes) - 1 else text
        if text:
            made.append(Literal(text))
    return tuple(made)
