"""Prompt templates of games: what may stand in them, how they are filled, and which part of them never changes.

A template is text with {names} of facts; {{ and }} are braces. Games keep theirs as files, in a folder `prompts`.
"""

from __future__ import annotations

import functools
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from arena.errors import nearest
from arena.game import GameCard, Observation
from arena.talk import cut, quoted
from arena.text import unmarked

MARK = "Answer:"
# Equal in all matches of a game with the same options: what a template has of them before other facts never changes.
CONSTANT = ("rules", "answer_format", "layout")
EARLIER = "earlier"  # a game's own fact: what was said up to the seat's last turn, by arena.talk.quoted
SHORT = 72  # bytes of each saying that a small model is told: it has room for many, and another player's fill no prompt
OBSERVED = ("text", "legal", "heard")  # facts that every game has, beside its own
# No action stands in a layout: models would take it for a hint, as a vote for the seat that it names.
THINK = """\
Think first, in at most three short sentences. Then end with one line that holds nothing but the word Answer, a colon \
and {asked}. So the last line looks like this:
{mark} ..."""
DO_NOT_THINK = """\
Write one line and nothing else: the word Answer, a colon and {asked}. So it looks like this:
{mark} ..."""
FREE = "Instead of a legal action you may say something of your own, at most {most} characters, after {mark}"
MOST = "The answer may have at most {most} characters."  # where words are what is asked for
BESIDE = "You may also say something to the others, at most {most} characters, on a line before the answer: {say} ..."
SAY = "Say:"


def folder(package: str) -> dict[str, str]:
    """The texts in the folder `prompts` of a game's package, by name: `rules`, `full`, `short`."""
    return dict(_read(package))


@functools.cache
def _read(package: str) -> Mapping[str, str]:
    found = files(package).joinpath("prompts").iterdir()
    texts = {one.name[:-4]: one for one in found if one.name.endswith(".txt")}
    return {name: texts[name].read_text(encoding="utf-8").strip() for name in sorted(texts)}


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal texts, each with the name of the fact after it; None after the last."""

    pieces: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """ValueError, in words, for what is no template."""
        pieces: list[tuple[str, str | None]] = []
        try:
            for literal, name, form, conversion in string.Formatter().parse(text):
                if form or conversion or name == "":
                    raise ValueError(f"{{{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}}}")
                pieces.append((literal, name))
        except ValueError as error:
            raise ValueError(
                f"{error}: write a fact as {{name}}, and braces that mean themselves as {{{{ and }}}}"
            ) from None
        return cls(tuple(pieces))

    @property
    def names(self) -> set[str]:
        """The facts that it has."""
        return {name for _, name in self.pieces if name is not None}

    def fill(self, facts: Mapping[str, str]) -> str:
        """The text with these facts in it. ValueError names a fact that is missing, and the nearest that there is."""
        out = []
        for literal, name in self.pieces:
            out.append(literal)
            if name is not None:
                if name not in facts:
                    raise ValueError(
                        f"the prompt has {{{name}}}, which is no fact of this game. {nearest(name, facts)}"
                    )
                out.append(facts[name])
        return "".join(out)


def constants(card: GameCard, *, thoughts: bool = True) -> dict[str, str]:
    """The facts of CONSTANT. Without `thoughts` the layout asks for the answer alone."""
    asked = card.answer_format if in_words(card) else "one legal action"
    layout = (THINK if thoughts else DO_NOT_THINK).format(mark=MARK, asked=asked)
    return {"rules": card.rules, "answer_format": card.answer_format, "layout": layout}


def in_words(card: GameCard) -> bool:
    """Whether words are what is asked for: a game of one action asks for no choice, and that action is to say nothing.

    In others that take words, these may stand for an action.
    """
    return len(card.actions) == 1


def observed(
    card: GameCard, seen: Observation, names: Sequence[str] = (), *, most: int | None = None
) -> dict[str, str]:
    """The facts of one observation, safe to stand in a prompt.

    `legal` begins with the format of words where these are what is asked for.
    `names` of the seats, if they are told. `most`: bytes of each saying, where one is longer (arena.talk.cut).
    """
    legal = ", ".join(card.actions[action] for action in seen.legal)
    if seen.free_text and in_words(card):
        legal = f"{card.answer_format}, or {legal}"
    facts = {**(seen.facts or {}), "text": seen.text or "", "legal": legal}
    heard = quoted(seen.heard, names)
    if most is not None:
        heard = cut(heard, most)
        facts |= {EARLIER: cut(facts[EARLIER], most)} if EARLIER in facts else {}
    return {**{name: unmarked(value) for name, value in facts.items()}, "heard": heard}


def check_facts(text: str, facts: Iterable[str]) -> None:
    """ValueError, in words, when a template names what is no fact; `facts` are those of the game alone."""
    template = Template.parse(text)
    template.fill(dict.fromkeys((*CONSTANT, *OBSERVED, *facts), ""))


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template for one game: the part that is equal in every turn, and the rest."""

    fixed: str  # whole lines, empty where the first line holds a fact that changes
    changing: Template
    lacks_heard: bool  # others' words stand before the changing part
    lacks_layout: bool  # the template itself says how to answer
    talk: bool  # it tells what may be said beside an action
    most: int | None  # bytes of each saying that it tells; None: all

    @classmethod
    def of(
        cls,
        text: str,
        card: GameCard,
        *,
        thoughts: bool = True,
        own: bool = False,
        split: bool = True,
        talk: bool = True,
    ) -> Prompt:
        """`own`: the user wrote the text, so marks in it are meant. Without `split` nothing of it counts as fixed.

        Without `talk` a template that has no {heard} tells neither what others said nor what may be said beside an
        action: a small model that was taught without talk sees what it knows. What it is told of others' words is cut
        to SHORT bytes each.

        ValueError for what is no template.
        """
        template = Template.parse(text if own else unmarked(text))
        known = {name: unmarked(value) for name, value in constants(card, thoughts=thoughts).items()}
        pieces: list[tuple[str, str | None]] = []
        literal = ""
        for before, name in template.pieces:
            literal += before
            if name in known:
                literal += known[name]
            elif name is not None:
                pieces.append((literal, name))
                literal = ""
        pieces.append((literal, None))
        first, name = pieces[0]
        end = (len(first) if name is None else first.rfind("\n") + 1) if split else 0
        changing = Template(((first[end:], name), *pieces[1:]))
        most = None if talk else SHORT
        lacks_heard, talk = "heard" not in template.names, talk or "heard" in template.names
        return cls(first[:end], changing, lacks_heard and talk, "layout" not in template.names, talk, most)

    def fill(self, card: GameCard, seen: Observation, names: Sequence[str] = ()) -> str:
        """The changing part, for one observation. What may be said is told after it. ValueError as Template.fill."""
        facts = observed(card, seen, names, most=self.most)
        parts = [facts["heard"] if self.lacks_heard else "", self.changing.fill(facts)]
        if seen.free_text:
            parts.append((MOST if in_words(card) else FREE).format(most=seen.free_text, mark=MARK))
        if seen.table_talk and self.talk:
            parts.append(BESIDE.format(most=seen.table_talk, say=SAY))
        return "\n".join(part for part in parts if part)


def fill(card: GameCard, seen: Observation, which: str, names: Sequence[str] = ()) -> str:
    """The game's prompt `which` ("short" or "full") as one text."""
    prompt = Prompt.of(card.prompts[which], card)
    return prompt.fixed + prompt.fill(card, seen, names)
