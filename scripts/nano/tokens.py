"""nano's tokenizer: byte-level BPE over the lessons' own words, cards in two pieces (rank, suit) that never merge."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD, START, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
IMAGE, AROUND, GLOBAL, TURN = "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"
SPECIAL = (PAD, START, END, UNKNOWN, IMAGE, AROUND, GLOBAL, TURN)
# A card's rank, with the space before it, and its suit stand alone, so "Kh" is read as K, then h, wherever it is.
# Digits stand alone too. Elsewhere tokens may grow over words up to the end of a clause.
CARD = r" ?[2-9TJQKA](?=[cdhs](?![A-Za-z]))|(?<=[2-9TJQKA])[cdhs](?![A-Za-z])"
DIGIT = r" ?\d"
CLAUSE = r"[^.,:;|\n]*[.,:;|\n]"
WORD = re.compile(r" ?[^\s]+|\s")


def train(
    prompts: Iterable[str], targets: Iterable[str], actions: Iterable[str], vocabulary: int
) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocabulary` tokens. The same texts in the same order give the same tokenizer.

    Names of actions (`actions`) never merge with their neighbours, so a history of any length is read word by word.
    Tokens of several words come from prompts only, which say the same things again and again: a prompt is short to
    read. What the model itself writes stays in words, so that it takes a step to think of each.
    """
    names = [rf" ?\b(?:{'|'.join(map(re.escape, found))})\b"] if (found := list(actions)) else []
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in (CARD, DIGIT, *names, CLAUSE)),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = (word for target in targets for word in WORD.findall(target))
    tokenizer.train_from_iterator(chain(prompts, words), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[IMAGE, AROUND, GLOBAL, TURN],
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def image_text(image_tokens: int) -> str:
    """What a picture becomes in the text, as Idefics3Processor writes it."""
    return AROUND + GLOBAL + IMAGE * image_tokens + AROUND
