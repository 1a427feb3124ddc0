"""Folders of pairs, sources and the vector of a picture."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from arena.canonical import hash_file
from arena.game import Image
from arena_games import folders
from arena_games.spy.measures import measures
from arena_games.spy.pictures import scene
from arena_games.spy.pictures.fit import BLANK, fitted
from arena_games.spy.pictures.folder import folder
from arena_games.spy.pictures.scene import Scene
from arena_games.spy.pictures.sources import source
from arena_games.spy.pictures.vector import LENGTH, vector
from arena_games.spy.rules import Spy

SEEDS = st.integers(0, 2**32)


def chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def save(picture: Image, path: Path) -> None:
    Pillow.fromarray(picture).save(path)


def plain(shade: int, height: int = 32, width: int = 48) -> Image:
    return np.full((height, width, 3), shade, np.uint8)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder of two good pairs."""
    for at, name in enumerate(("cat", "dog-2")):
        for shade, side in enumerate("ab"):
            save(plain(50 * at + 100 * shade), tmp_path / f"{name}-{side}.png")
    return tmp_path


# Folders


def test_a_folders_pairs_are_read_as_they_are(pairs: Path) -> None:
    (pairs / ".hidden").write_text("not looked at")
    (pairs / "more").mkdir()
    read = folder(pairs)
    assert read.pairs == (("cat-a.png", "cat-b.png"), ("dog-2-a.png", "dog-2-b.png"))
    first, second = read.read(1)
    assert np.array_equal(first, plain(50))
    assert np.array_equal(second, plain(150))


def test_what_is_transparent_is_white(pairs: Path) -> None:
    Pillow.new("RGBA", (48, 32), (255, 0, 0, 0)).save(pairs / "cat-a.png")
    assert np.array_equal(folder(pairs).read(0)[0], plain(255))


def test_a_turned_photograph_stands_upright(pairs: Path) -> None:
    for side in "ab":
        (pairs / f"cat-{side}.png").unlink()
        exif = Pillow.Exif()
        exif[0x0112] = 6  # turned by a quarter
        Pillow.fromarray(plain(200 * (side == "a"))).save(pairs / f"cat-{side}.jpg", exif=exif)
    assert folder(pairs).read(0)[0].shape == (48, 32, 3)


def deep(path: Path, shades: npt.NDArray[np.uint16], channels: int = 1, transparent: int | None = None) -> None:
    """Writes a PNG with 16 bits a sample, which Pillow does of greyscale only."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = shades.shape
    rows = np.repeat(shades[..., None], channels, 2).astype(">u2")
    head = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 0, 0, 0, 0)
    gone = b"" if transparent is None else chunk(b"tRNS", struct.pack(f">{channels}H", *[transparent] * channels))
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + gone + chunk(b"IDAT", data) + chunk(b"IEND", b""))


@pytest.mark.parametrize("channels", [1, 3])
def test_of_16_bits_the_upper_8_are_shown_whatever_is_in_the_picture(pairs: Path, channels: int) -> None:
    whole = np.linspace(0, 65535, 32 * 48).astype(np.uint16).reshape(32, 48)
    near = np.linspace(300, 9000, 32 * 48).astype(np.uint16).reshape(32, 48)  # as of depth, in millimetres
    for side, shades in (("a", whole), ("b", near)):
        deep(pairs / f"cat-{side}.png", shades, channels)
    for found, shades in zip(folder(pairs).read(0), (whole, near), strict=True):
        assert np.array_equal(found, np.repeat((shades >> 8)[..., None], 3, 2))


def test_what_is_transparent_of_16_bits_is_white(pairs: Path) -> None:
    shades = np.full((32, 48), 513, np.uint16)
    shades[0, 0] = 514
    deep(pairs / "cat-a.png", shades, transparent=513)
    first = folder(pairs).read(0)[0]
    assert (first[0, 0].tolist(), first[1, 1].tolist()) == ([2] * 3, [255] * 3)


def test_pixels_that_cannot_be_shown_are_refused_and_not_clipped(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pillow, "open", lambda *_, **__: Pillow.new("F", (48, 32), 0.5))
    assert "cat-a.png cannot be read as a picture: its pixels are of the mode F; expected 8 or 16 bits" in refused(
        pairs
    )


def test_16_bits_that_an_older_pillow_reads_as_32_are_shown_alike(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep(pairs / "cat-a.png", np.full((32, 48), 7 * 257, np.uint16))
    opened = Pillow.open
    monkeypatch.setattr(Pillow, "open", lambda *given, **more: wide(opened(*given, **more)))
    assert np.array_equal(folder(pairs).read(0)[0], plain(7))


def wide(image: Pillow.Image) -> Pillow.Image:
    return image.convert("I") if image.mode == "I;16" else image


def test_palettes_print_colours_and_animations_are_shown_in_their_colours(pairs: Path) -> None:
    red, blue = (Pillow.new("RGB", (48, 32), colour) for colour in ("red", "blue"))
    red.quantize(4).save(pairs / "cat-a.png", transparency=1)
    (pairs / "cat-b.png").unlink()
    blue.convert("CMYK").save(pairs / "cat-b.jpg", quality=100)
    red.save(pairs / "dog-2-a.png", save_all=True, append_images=[blue])
    (pairs / "dog-2-b.png").unlink()
    blue.save(pairs / "dog-2-b.webp", lossless=True, save_all=True, append_images=[red])
    shown = [one[7, 7].astype(int) for at in range(2) for one in folder(pairs).read(at)]
    for colour, expected in zip(shown, [(255, 0, 0), (0, 0, 255)] * 2, strict=True):
        assert abs(colour - expected).max() <= 2


def refused(path: Path) -> str:
    with pytest.raises(ValueError, match=path.name) as error:
        folder(path)
    return str(error.value)


def test_everything_that_is_wrong_is_told_at_once(pairs: Path) -> None:
    (pairs / "cat-b.png").write_bytes(b"not a picture")
    save(plain(150), pairs / "dog-2-a.png")
    save(plain(0), pairs / "cow-a.png")
    save(plain(0), pairs / "holiday.png")
    said = refused(pairs)
    assert [name for name in ("cat-b.png", "dog-2-a.png", "cow-a.png", "holiday.png") if name not in said] == []


def test_names_files_and_pictures_are_told_at_once_and_both_of_a_pair(pairs: Path) -> None:
    (pairs / "notes.txt").touch()
    for name in ("cat-a.png", "cat-b.png", "lone-b.png", "photo.jpg"):
        (pairs / name).write_bytes(b"no picture")
    (pairs / "gone-a.png").symlink_to(pairs / "gone.png")
    save(plain(1, 8), pairs / "low-a.png")
    said = refused(pairs).splitlines()
    expected = [
        "notes.txt is no picture",
        "gone-a.png is not a file",
        "low-a.png has no twin",
        "lone-b.png has no twin",
        "photo.jpg is not part of a pair",
        *(f"{name} cannot be read as a picture" for name in ("cat-a.png", "cat-b.png", "lone-b.png", "photo.jpg")),
        "low-a.png is 48 x 8 pixels",
    ]
    assert [words for words in expected if sum(words in line for line in said) != 1] == []
    assert len(said) == len(expected)


def test_a_file_that_may_not_be_read_is_named_beside_the_others(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(path: Path) -> str:
        if path.name == "cat-a.png":
            raise PermissionError(13, "Permission denied")
        return hash_file(path)

    monkeypatch.setattr(folders, "hash_file", shut)
    (pairs / "notes.txt").touch()
    said = refused(pairs)
    assert "cat-a.png cannot be read (Permission denied). Make it readable, or move it away" in said
    assert "notes.txt is no picture" in said


@pytest.mark.parametrize("lonely", [True, False])
def test_a_name_that_is_not_utf_8_is_refused(pairs: Path, lonely: bool) -> None:
    for side in b"ab"[: 1 if lonely else 2]:
        (pairs / os.fsdecode(b"\xff-%c.png" % side)).write_bytes((pairs / "cat-a.png").read_bytes())
    said = refused(pairs)
    assert r"the name b'\xff-a.png' is not UTF-8, so it cannot be recorded. Rename it" in said


def test_of_many_faults_some_are_told_and_the_rest_are_counted(pairs: Path) -> None:
    for number in range(14):
        save(plain(0), pairs / f"odd{number}.png")
    said = refused(pairs)
    assert said.count("is not part of a pair") == 10
    assert "(and 4 more)" in said


def test_a_picture_without_a_twin_is_named(pairs: Path) -> None:
    (pairs / "cat-b.png").unlink()
    assert "cat-a.png has no twin: expected cat-b.png beside it" in refused(pairs)


def test_a_pair_of_two_sizes_is_refused(pairs: Path) -> None:
    save(plain(9, 32, 40), pairs / "cat-b.png")
    assert "cat-a.png and cat-b.png are 48 x 32 and 40 x 32 pixels" in refused(pairs)


def test_equal_twins_are_refused_though_their_files_differ(pairs: Path) -> None:
    (pairs / "cat-b.png").unlink()
    save(plain(0), pairs / "cat-b.bmp")
    assert "cat-a.png and cat-b.bmp show the same" in refused(pairs)


def test_twins_that_small_models_cannot_tell_apart_are_refused(pairs: Path) -> None:
    large = plain(0, 3000, 3000)
    save(large, pairs / "cat-a.png")
    large[7, 7] = 255
    save(large, pairs / "cat-b.png")
    assert "cat-a.png and cat-b.png are the same at 128 x 128 pixels" in refused(pairs)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"])
def test_a_file_that_is_no_picture_is_named(pairs: Path, content: bytes) -> None:
    (pairs / "cat-a.png").write_bytes(content)
    assert "cat-a.png cannot be read as a picture" in refused(pairs)


def test_half_a_picture_is_refused(pairs: Path) -> None:
    save(np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8), pairs / "cat-a.png")
    whole = (pairs / "cat-a.png").read_bytes()
    (pairs / "cat-a.png").write_bytes(whole[: len(whole) // 2])
    assert "cat-a.png cannot be read as a picture" in refused(pairs)


def test_broken_exif_data_are_not_told(pairs: Path, recwarn: pytest.WarningsRecorder) -> None:
    (pairs / "cat-a.png").unlink()
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff"
    Pillow.fromarray(plain(9)).save(pairs / "cat-a.jpg", exif=exif)
    folder(pairs)
    assert not recwarn.list


def test_a_picture_that_pillow_refuses_for_its_size_is_said_to_be_too_large(pairs: Path) -> None:
    Pillow.new("1", (20_000, 20_000)).save(pairs / "cat-a.png")
    assert "cat-a.png has more than 50,000,000 pixels. Resize it" in refused(pairs)


@pytest.mark.parametrize(("height", "width"), [(8, 100), (6000, 9000)])
def test_a_picture_too_small_or_too_large_is_refused(pairs: Path, height: int, width: int) -> None:
    Pillow.new("1", (width, height)).save(pairs / "cat-a.png")
    said = f"cat-a.png is {width} x {height} pixels; expected 16 or more at its shorter side, and 50,000,000 in all"
    assert said in refused(pairs)


@pytest.mark.parametrize("name", ["cat.png", "-a.png", "cat-c.png"])
def test_a_file_that_is_part_of_no_pair_is_named(pairs: Path, name: str) -> None:
    save(plain(1), pairs / "one.png")
    (pairs / "one.png").rename(pairs / name)
    assert f"{name} is not part of a pair: a pair is NAME-a.png and NAME-b.png" in refused(pairs)


@pytest.mark.parametrize("name", ["notes.txt", "cat-a.gif"])
def test_a_file_that_is_no_picture_by_its_name_is_named(pairs: Path, name: str) -> None:
    (pairs / name).touch()
    assert f"{name} is no picture; expected a folder of picture pairs" in refused(pairs)


def test_a_file_of_too_many_bytes_is_refused_before_it_is_read(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_BYTES", 10)
    assert "bytes; a picture may have 10" in refused(pairs)


def test_of_a_link_the_bytes_that_it_leads_to_count(
    pairs: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path_factory.mktemp("elsewhere") / "large.bmp"
    save(plain(7), large)
    monkeypatch.setattr(folders, "MOST_BYTES", large.stat().st_size - 1)
    (pairs / "cat-b.png").unlink()
    (pairs / "cat-b.bmp").symlink_to(large)
    assert f"cat-b.bmp has {large.stat().st_size:,} bytes; a picture may have" in refused(pairs)


def test_a_file_behind_a_link_that_changes_is_read_anew(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    behind = tmp_path_factory.mktemp("elsewhere") / "one.bmp"
    save(plain(7), behind)
    (pairs / "cat-b.png").unlink()
    (pairs / "cat-b.bmp").symlink_to(behind)
    folder(pairs)
    save(plain(8), behind)
    assert np.array_equal(folder(pairs).read(0)[1], plain(8))


def test_two_pictures_of_one_side_are_refused(pairs: Path) -> None:
    save(plain(1), pairs / "cat-a.jpg")
    assert "cat-a.jpg and cat-a.png are the same side of one pair" in refused(pairs)


def test_an_empty_folder_a_file_and_nothing_are_refused(tmp_path: Path) -> None:
    assert "the folder has no picture" in refused(tmp_path)
    assert "there is no such folder" in refused(tmp_path / "gone")
    (tmp_path / "file").touch()
    assert "it is a file" in refused(tmp_path / "file")


def test_a_picture_that_changes_after_the_check_is_noticed(pairs: Path) -> None:
    read = folder(pairs)
    save(plain(77), pairs / "cat-a.png")
    with pytest.raises(ValueError, match="changed since its folder was read"):
        read.read(0)


def test_a_link_to_nothing_is_named(pairs: Path) -> None:
    (pairs / "cat-b.png").unlink()
    (pairs / "cat-b.png").symlink_to(pairs / "gone.png")
    assert "cat-b.png is not a file" in refused(pairs)


def test_a_folder_is_read_once_until_it_changes(pairs: Path) -> None:
    first = folder(pairs)
    assert folder(pairs) is first
    save(plain(78), pairs / "cat-a.png")
    assert folder(pairs) != first


# Sources


@pytest.mark.parametrize("name", ["scenes", "charts"])
def test_a_source_is_a_function_of_its_generator(name: str) -> None:
    one, other = (source(name, size=64).pair(chance(5)) for _ in range(2))
    assert one == other
    assert all(np.array_equal(*both) for both in zip(one.pictures, other.pictures, strict=True))
    assert not np.array_equal(*one.pictures)


@pytest.mark.parametrize("name", ["scenes", "charts"])
def test_a_blank_picture_changes_nothing_for_the_civilians(name: str) -> None:
    open_, blank = (source(name, blank=blank, size=64).pair(chance(5)) for blank in (False, True))
    assert np.array_equal(open_.pictures[0], blank.pictures[0])
    assert (blank.pictures[1] == BLANK).all()
    assert (open_.graphs[0], None, ()) == (blank.graphs[0], blank.graphs[1], blank.edits)


def test_the_spy_sees_either_picture_of_a_folders_pair(pairs: Path) -> None:
    given_ = source(pairs=str(pairs))
    seen = {tuple(int(one[0, 0, 0]) for one in given_.pair(chance(seed)).pictures) for seed in range(40)}
    assert seen == {(0, 100), (100, 0), (50, 150), (150, 50)}


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of scenes, charts"):
        source("photos")


def test_a_wide_picture_is_fitted_whole() -> None:
    out = fitted(plain(10, 32, 64), 64, 64)
    assert out.shape == (64, 64, 3)
    assert (out[16:48] == 10).all()
    assert (out[:16] == BLANK).all()


# The vector


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_a_vector_tells_twins_apart(seed: int) -> None:
    for pair in (source("scenes").pair(chance(seed)), source("charts").pair(chance(seed))):
        first, second = map(vector, pair.graphs)
        assert first.shape == second.shape == (LENGTH,)
        assert first.dtype == np.float32
        assert 0 <= first.min() <= first.max() <= 1
        assert not np.array_equal(first, second)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_vector_does_not_know_the_order_of_things(seed: int) -> None:
    first = scene.scene(chance(seed))
    assert np.array_equal(vector(first), vector(Scene(first.things[::-1])))


def test_nothing_is_known_of_a_blank_picture() -> None:
    assert not vector(None).any()


def test_clues_about_pictures_of_ones_own_are_not_judged(pairs: Path) -> None:
    assert "clues" in measures(Spy(3, {})).tables
    assert "clues" not in measures(Spy(3, {"pairs": str(pairs)})).tables
