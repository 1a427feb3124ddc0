"""The sprites, drawn in letters: each letter is a colour of `COLOURS`, a dot is transparent. All our own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

# A pixel is one number, so that it is moved at once: RGBA in uint32, or, where only the grey picture is wanted, its
# luma + 256 in uint16. 0 is transparent.
Pixels = npt.NDArray[np.uint32] | npt.NDArray[np.uint16]

COLOURS = {
    "K": "#2a1a1f",  # outline
    "O": "#f08a34", "D": "#c25e1e", "W": "#fff3df",  # fox
    "B": "#3f7be0", "b": "#2a55a8",  # scarf
    "R": "#d8404c", "r": "#9c2438",  # beetle
    "G": "#63b84a", "g": "#3b8236", "y": "#d9ec8a",  # frog
    "S": "#d6a05c", "s": "#a86f3a", "P": "#f2d9a8", "p": "#cfa876",  # snail
    "U": "#5a4a78", "u": "#3a2f54", "V": "#b9a6e0",  # urchin
    "Y": "#ffd84a", "C": "#e2a020", "c": "#fff2a6", "N": "#8a5a1c",  # coin, box
    "w": "#ffffff",
}  # fmt: skip
SECOND = {"O": "#5aa7c8", "D": "#37799c", "B": "#e0554a", "b": "#a83a34"}  # the second runner's fur and scarf

_HEAD = """
................
........K....K..
.......KOK..KOK.
.......KOOKKOOK.
.......KOOOOOOK.
.......KOOKOOKK.
.......KWOOOOWWK
KK.....KWWWWWWK.
KOK.....KWWWWK..
KOOK...KBBBBBK..
KWOOKKKKOObbOK..
.KWOOOOOOWWOOK..
..KWOOOOOWWOK...
"""
_RUNNER = {
    "stand": "...KKOOOOOOK....\n....KDKKKDK.....\n....KKK.KKK.....",
    "run 0": "..KKOOOOOOODK...\n..KDDK...KDDK...\n..KKK.....KKK...",
    "run 1": "...KKOOOOOOK....\n....KDDKKDDK....\n.....KKK.KKK....",
    "run 2": "...KKOOOOOOK....\n.....KDKDK......\n.....KKKKK......",
    "jump": "..KKOOOOOOOOKK..\n.KDDKKKKKKDDDK..\n.KKK......KKK...",
    "fall": "...KKOOOOOOKK...\n...KDK...KDDK...\n...KDK....KK....",
}
_DEAD = """
................
........K....K..
.......KOK..KOK.
.......KOOKKOOK.
.......KOOOOOOK.
.......KKOKOKOK.
.......KOKOOOKOK
.KK....KKOKWKOK.
KOOK....KWWWWK..
KOOOK..KBBBBBK..
.KWOOKKKOObbOKK.
..KWOOOOOWWOODK.
..KKDOOOOWWOKDK.
.KDDKOOOOOOK.K..
.KDKKKKKKKKDK...
..KK......KKK...
"""
_FOES = {
    "beetle 0": """
................
................
................
.....KKKKKK.....
...KKRRRRRRKK...
..KRRRRKRRRRRK..
..KRwwRKRRrRRK..
.KRRwRRKRRRRRRK.
.KRRRRRKRRRrRRK.
.KRrRRRKRRRRRrK.
KKKRRRRKRRRRRKK.
KwKKrrrKrrrrrK..
KKKKKKKKKKKKKK..
.KK..KK..KK.....
.K....K...K.....
................
""",
    "beetle 1": """
................
................
................
.....KKKKKK.....
...KKRRRRRRKK...
..KRRRRKRRRRRK..
..KRwwRKRRrRRK..
.KRRwRRKRRRRRRK.
.KRRRRRKRRRrRRK.
.KRrRRRKRRRRRrK.
KKKRRRRKRRRRRKK.
KwKKrrrKrrrrrK..
KKKKKKKKKKKKKK..
...KK..KK..KK...
...K....K...K...
................
""",
    "beetle flat": """
................
................
................
................
................
................
................
................
................
................
....KKKKKKKK....
..KKRRRRRRRRKK..
.KRRwwRRRRrRRRK.
KKKRRRRKRRRRRRKK
KKKKKKKKKKKKKKKK
................
""",
    "snail 0": """
................
................
.......KKKKK....
.K.K..KSSSSSK...
.K.K.KSSsssSSK..
.KPK.KSsSSSsSK..
KPPPKKSsSsSsSSK.
KPKPPKSsSssSsSK.
KPPPPKSSsSSSsSK.
KPPPPKKSSsssSSK.
.KPPPPPKSSSSSK..
.KPPPPPPKKKKKK..
..KPPPPPPPPPPPK.
..KppppppppppppK
..KKKKKKKKKKKKKK
................
""",
    "snail 1": """
................
................
.......KKKKK....
K..K..KSSSSSK...
.K.K.KSSsssSSK..
.KPK.KSsSSSsSK..
KPPPKKSsSsSsSSK.
KPKPPKSsSssSsSK.
KPPPPKSSsSSSsSK.
KPPPPKKSSsssSSK.
.KPPPPPKSSSSSK..
.KPPPPPPKKKKKK..
.KPPPPPPPPPPPK..
.KppppppppppppK.
.KKKKKKKKKKKKKK.
................
""",
    "snail flat": """
................
................
................
................
................
................
................
................
................
......KKKKKKKK..
.....KSSSSSSSSK.
.KKKKSsssssssSSK
KPKPKSSSSSSSSSSK
KPPPPKKKKKKKKKK.
KKKKKKKKKKKKKKK.
................
""",
    "frog 0": """
................
................
................
..KKK...........
.KwwwK.KKK......
.KwKwKKGGGKK....
.KGGGGGGGGGGK...
KGGGGGGGGgGGGK..
KGGGGGGGgGGGGGK.
KKKKKGGGGGGGGGK.
.KyyyGGGGGGKKGGK
..KyyyGGGGKGGGGK
..KyyyyGGGKGGGK.
.KGKyyyyGGKGGGKK
KGGGKKKKKGGKGGGK
KKKKK...KKKKKKKK
""",
    "frog 1": """
..KKK...........
.KwwwK.KK.......
.KwKwKKGGKK.....
.KGGGGGGGGGK....
KGGGGGGGgGGGK...
KGGGGGGgGGGGGK..
KKKKKGGGGGGGGK..
.KyyyGGGGGGGGGK.
.KyyyyGGGGKGGGK.
..KyyyyGGGKGGK..
.KGKKyyyGGKGGK..
.KGK.KKKKKGGK...
KGGK....KGGK....
KKK....KGGK.....
......KGGK......
......KKK.......
""",
    "frog flat": """
................
................
................
................
................
................
................
................
................
................
..KKK...........
.KwKwKKKKKKK....
KGGGGGGGGGGGKK..
KGGyyyyGGGGGGGK.
KKKKKKKKKKKKKKKK
................
""",
    "urchin 0": """
.......K........
..K....K....K...
..KVK.KVK.KVK...
...KUKUUUKUK....
...KUUUUUUUK....
KKKUUVUUUUUUKKK.
.KVUVUUUUUUUVK..
..KUUwwUwwUUK...
KKUUUwKUwKUUUKK.
.KVUUUUUUUUUVK..
..KUuUUUUUUuK...
..KKuuUUUuuKKK..
.KVKKuuuuuKKVK..
.KK.KKVKVKK.KK..
....K.K.K.K.....
................
""",
    "urchin 1": """
................
.K.....K.....K..
..KVK.KVK.KVK...
..KKUKUUUKUKK...
...KUUUUUUUK....
.KKUUVUUUUUUKK..
KKVUVUUUUUUUVKK.
..KUUwwUwwUUK...
.KUUUwKUwKUUUK..
KKVUUUUUUUUUVKK.
..KUuUUUUUUuK...
..KKuuUUUuuKK...
..KVKuuuuuKVK...
.KK.KKVKVKK.KK..
.....K.K.K......
................
""",
}
_COINS = {
    "coin 0": "....KKKK....\n..KKYYYYKK..\n.KYYccccYCK.\n.KYcYYYYCCK.\nKYYcYCCYCYCK\nKYcYYCCYCYCK\n"
    "KYcYYCCYCYCK\nKYYcYCCYCYCK\n.KYcYYYYCCK.\n.KYYCCCCYCK.\n..KKYYCCKK..\n....KKKK....",
    "coin 1": ".....KKK....\n...KKYYCK...\n...KYccYCK..\n..KYcYYCYK..\n..KYcYCCYK..\n..KYcYCCYK..\n"
    "..KYcYCCYK..\n..KYcYCCYK..\n..KYcYYCYK..\n...KYCCYCK..\n...KKYYCK...\n.....KKK....",
    "coin 2": ".....KK.....\n....KYCK....\n....KcCK....\n....KcCK....\n....KcCK....\n....KcCK....\n"
    "....KcCK....\n....KcCK....\n....KcCK....\n....KcCK....\n....KYCK....\n.....KK.....",
}
_BOX = """
.KKKKKKKKKKKKKK.
KYYYYYYYYYYYYYYK
KYCCCCCCCCCCCCNK
KYCNCCCCCCCCNCNK
KYCCCCwwwwCCCCNK
KYCCCwwKKwwCCCNK
KYCCCwwKCwwKCCNK
KYCCCCKKCwwKCCNK
KYCCCCCCwwKKCCNK
KYCCCCCwwKKCCCNK
KYCCCCCCKKCCCCNK
KYCCCCCwwCCCCCNK
KYCNCCCwwKCCNCNK
KYCCCCCCKKCCCCNK
KNNNNNNNNNNNNNNK
.KKKKKKKKKKKKKK.
"""
_EMPTY = """
.KKKKKKKKKKKKKK.
KppppppppppppppK
KpssssssssssssNK
KpsNssssssssNsNK
KpssssssssssssNK
KpssssssssssssNK
KpssssssssssssNK
KpssssssssssssNK
KpssssssssssssNK
KpssssssssssssNK
KpssssssssssssNK
KpssssssssssssNK
KpsNssssssssNsNK
KpssssssssssssNK
KNNNNNNNNNNNNNNK
.KKKKKKKKKKKKKK.
"""


_ARROW = """
K........
KKK......
KOOKK....
KOOOOKK..
KOOOOOOK.
KODOOOOOK
KDDDOOOK.
KDDDDKK..
KDDKK....
KKK......
K........
"""


def rgba(colour: str) -> tuple[int, int, int, int]:
    """ "#rrggbb" as four numbers."""
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255)


def packed(picture: npt.NDArray[np.uint8]) -> Pixels:
    """(height, width, 4) as (height, width)."""
    return np.ascontiguousarray(picture).view(np.uint32)[..., 0]


def grey(picture: Pixels) -> Pixels:
    """Colours as luma, by the same sum as Pillow's mode L, so that it makes no difference which is drawn."""
    red, green, blue, _ = np.moveaxis(picture.view(np.uint8).reshape(*picture.shape, 4).astype(np.uint32), -1, 0)
    luma = red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16
    return np.where(picture != 0, luma + 256, 0).astype(np.uint16)


def plain(picture: Pixels) -> Pixels:
    """Colours as they are."""
    return picture


Ink = Callable[[Pixels], Pixels]
INKS: dict[bool, Ink] = {False: plain, True: grey}  # by whether a grey picture is wanted


def sprite(letters: str, other: dict[str, str] | None = None) -> Pixels:
    """A drawing in letters; `other` replaces colours."""
    colours = {**COLOURS, **(other or {})}
    rows = letters.strip("\n").split("\n")
    wide = max(map(len, rows))
    out = np.zeros((len(rows), wide, 4), np.uint8)
    for y, row in enumerate(rows):
        for x, letter in enumerate(row):
            if letter != ".":
                out[y, x] = rgba(colours[letter])
    return packed(out)


def mirrored(pictures: dict[str, Pixels]) -> dict[tuple[str, bool], Pixels]:
    """By name, and whether it looks to the right (they are drawn as they are, or mirrored)."""
    out = {}
    for name, picture in pictures.items():
        out[name, False] = picture
        out[name, True] = np.ascontiguousarray(picture[:, ::-1])
    return out


def runners(second: bool, ink: Ink) -> dict[tuple[str, bool], Pixels]:
    """By pose, and whether it looks to the left."""
    other = SECOND if second else None
    poses = {name: ink(sprite(_HEAD.strip("\n") + "\n" + legs, other)) for name, legs in _RUNNER.items()}
    return mirrored({**poses, "dead": ink(sprite(_DEAD, other))})


def foes(ink: Ink) -> dict[tuple[str, bool], Pixels]:
    """By name and step, and whether it looks to the right."""
    urchin = ink(sprite(_FOES["urchin 0"]))
    return mirrored({**{name: ink(sprite(letters)) for name, letters in _FOES.items()}, "urchin flat": urchin})


def things(ink: Ink) -> dict[str, Pixels]:
    """Coins and boxes."""
    coins = {name: ink(sprite(letters)) for name, letters in _COINS.items()}
    return {**coins, "box": ink(sprite(_BOX)), "empty": ink(sprite(_EMPTY))}


def arrow(second: bool, ink: Ink) -> Pixels:
    """It points to the right."""
    return ink(sprite(_ARROW, SECOND if second else None))
