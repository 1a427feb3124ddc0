"""LeRobot's dataset format v3.0: what the Hub previews, and what policies of that ecosystem are trained on.

A frame is one turn that led to a move. The layout is that of lerobot 0.4 (`lerobot.datasets`): frames in Parquet files
under data/, pictures in MP4 files under videos/, many episodes a file, and where each episode stands under meta/. Films
are compressed with a little loss; `--to minari` keeps pictures as they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from arena.errors import InputError
from arena.exporters.episodes import Episode, Reader, count
from arena.exporters.movie import Mp4
from arena.exporters.options import Options, views_of
from arena.game import GameSpec, Views, floats

DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
PICTURE, STATE = "observation.image", "observation.state"
FILES_IN_CHUNK = 1000
DATA_MB, VIDEO_MB = 100, 200  # after which the next episode begins a new file
ROWS = 4096  # frames of a group, about
BETWEEN_KEYS = 2  # as lerobot writes films: any frame is found at once
USUAL_FPS = 2  # of a game without a clock of its own
Columns = dict[str, npt.NDArray[Any]]
Stats = dict[str, dict[str, npt.NDArray[np.float64]]]


def export(reader: Reader, out: Path, options: Options) -> list[str]:
    """Writes the dataset into OUT: `LeRobotDataset("NAME", root="OUT")`. InputError for more than one game."""
    if len(reader.games) > 1:
        names = ", ".join(head.name for head in reader.games.values())
        raise InputError(f"a LeRobot dataset is of one game, and the run has {names}: choose one with --game")
    (place,) = reader.games
    spec = reader.game(place).spec
    views = views_of(spec, reader.operators(place), options)
    views = Views(image=views.image, vector=views.vector)
    if views == Views():
        raise InputError(f"there is neither a picture nor a vector of {spec.id}: ask for one with --view")
    writer = _Writer(out, spec, views, _fps(reader, place, options))
    for episode in reader.episodes(place, lambda head: views):
        writer.add(episode)
    writer.close()
    told = f"{count(writer.episodes, 'episode')}, {count(writer.frames, 'frame')} at {writer.fps} a second"
    return [f"{told}, {views.described()}"]


def _fps(reader: Reader, place: int, options: Options) -> int:
    """Frames a second, whole as the format has it."""
    seconds = reader.game(place).card().seconds
    fps = options.fps or (1 / seconds if seconds else USUAL_FPS)
    if options.fps is not None and options.fps != round(options.fps):
        raise InputError(f"--fps {options.fps:g}: LeRobot has whole frames a second")
    return max(1, round(fps))


class _Writer:
    """One dataset, an episode after another."""

    def __init__(self, out: Path, spec: GameSpec, views: Views, fps: int) -> None:
        self.out, self.fps = out, fps
        self.episodes = self.frames = 0
        self._spec, self._views = spec, views
        self._features = _features(spec, views, fps)
        self._data = _Data(out)
        self._film: Mp4 | None = None
        self._film_file = -1  # by number, over all chunks
        self._told = _Episodes(out)
        self._stats: Stats = {}

    def add(self, episode: Episode) -> None:
        frames, pictures = self._frames(episode)
        length = len(frames["index"])
        stats = {name: _stats(values) for name, values in frames.items()}
        row: dict[str, Any] = {
            "episode_index": self.episodes,
            "tasks": [self._spec.summary],
            "length": length,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + length,
            "match": episode.plan.index,
            "block": episode.plan.block,
            "seat": episode.seat,
            "operator": episode.operator.name,
            "status": episode.status,
            "return": episode.returns[episode.seat],
            "reward_before": episode.before,
        }
        row |= dict(zip(("data/chunk_index", "data/file_index"), self._data.add(self._table(frames)), strict=True))
        if pictures:
            stats[PICTURE] = _picture_stats(pictures)
            row |= self._write_pictures(pictures)
        for name, values in stats.items():
            row |= {f"stats/{name}/{word}": value.tolist() for word, value in values.items()}
        self._told.add(row)
        self._stats = _merged(self._stats, stats)
        self.episodes += 1
        self.frames += length

    def close(self) -> None:
        """Write what belongs to the whole."""
        self._data.close()
        if self._film is not None:
            self._film.close()
        self._told.close()
        tasks = pa.table({"task_index": pa.array([0], pa.int64()), "task": [self._spec.summary]})
        index = {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object"}
        number = {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"}
        pandas = {"index_columns": ["task"], "columns": [number, index], "column_indexes": []}
        pq.write_table(tasks.replace_schema_metadata({"pandas": json.dumps(pandas)}), self.out / "meta/tasks.parquet")
        stats = {name: {word: value.tolist() for word, value in one.items()} for name, one in self._stats.items()}
        (self.out / "meta/stats.json").write_text(json.dumps(stats, indent=4), encoding="utf-8")
        info = {
            "codebase_version": "v3.0",
            "robot_type": f"agent-arena:{self._spec.id}",
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": 1,
            "chunks_size": FILES_IN_CHUNK,
            "data_files_size_in_mb": DATA_MB,
            "video_files_size_in_mb": VIDEO_MB,
            "fps": self.fps,
            "splits": {"train": f"0:{self.episodes}"},
            "data_path": DATA,
            "video_path": VIDEO if self._views.image is not None else None,
            "features": self._features,
        }
        (self.out / "meta/info.json").write_text(json.dumps(info, indent=4), encoding="utf-8")

    def _frames(self, episode: Episode) -> tuple[Columns, list[npt.NDArray[np.uint8]]]:
        """The columns of an episode, each (frames, ...), and its pictures."""
        spec, played = self._spec, episode.played
        at = np.arange(len(played), dtype=np.int64)
        moves = [step.turn.move for step in played]
        columns: Columns = {
            "action": np.array(
                [spec.actions.n if move is None or move.action is None else move.action for move in moves], np.int64
            ),
            "action_mask": np.stack([step.seen.mask(spec.actions.n) for step in played]),
            "next.reward": np.array([step.turn.reward for step in played], np.float32),
            "next.done": np.array([step.turn.ended != "none" for step in played]),
            "next.truncated": np.array([step.turn.ended == "truncated" for step in played]),
            "timestamp": (at / self.fps).astype(np.float32),
            "frame_index": at,
            "episode_index": np.full_like(at, self.episodes),
            "index": at + self.frames,
            "task_index": np.zeros_like(at),
        }
        if self._views.vector:
            vectors = [floats(step.seen.vector, spec.vector_scale).ravel() for step in played]
            columns = {STATE: np.stack(vectors), **columns}
        return columns, [step.seen.image for step in played if step.seen.image is not None]

    def _table(self, frames: Columns) -> pa.Table:
        return pa.table({name: _array(values, self._features[name]["shape"]) for name, values in frames.items()})

    def _write_pictures(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> dict[str, Any]:
        """Where the pictures are."""
        if self._film is None or self._film.size >= VIDEO_MB * 2**20:
            if self._film is not None:
                self._film.close()
            self._film_file += 1
            path = _numbered(self.out, VIDEO, self._film_file, video_key=PICTURE)
            assert self._views.image is not None
            self._film = Mp4(path, self._views.image, Fraction(self.fps), between_keys=BETWEEN_KEYS)
        first = self._film.count
        for picture in pictures:
            self._film.add(picture)
        chunk, file = divmod(self._film_file, FILES_IN_CHUNK)
        return {
            f"videos/{PICTURE}/chunk_index": chunk,
            f"videos/{PICTURE}/file_index": file,
            f"videos/{PICTURE}/from_timestamp": first / self.fps,
            f"videos/{PICTURE}/to_timestamp": self._film.count / self.fps,
        }


class _Data:
    """data/: the frames, many episodes a file."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._tables: list[pa.Table] = []  # of the next group of rows
        self._writer: pq.ParquetWriter | None = None
        self._file = -1  # by number, over all chunks
        self._size = 0  # bytes in it, about

    def add(self, table: pa.Table) -> tuple[int, int]:
        """Adds an episode and returns (chunk, file) that it is in."""
        if self._file < 0 or self._size >= DATA_MB * 2**20:
            self.close()
            self._file, self._size = self._file + 1, 0
            self._writer = pq.ParquetWriter(_numbered(self._out, DATA, self._file), table.schema)
        self._tables.append(table)
        self._size += table.nbytes
        if sum(len(one) for one in self._tables) >= ROWS:
            self._flush()
        return divmod(self._file, FILES_IN_CHUNK)

    def close(self) -> None:
        if self._writer is not None:
            self._flush()
            self._writer.close()

    def _flush(self) -> None:
        if self._tables:
            assert self._writer is not None
            self._writer.write_table(pa.concat_tables(self._tables))
            self._tables = []


class _Episodes:
    """meta/episodes: a row an episode."""

    def __init__(self, out: Path) -> None:
        self._path = _numbered(out, EPISODES, 0)
        self._rows: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append({**row, "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0})
        if len(self._rows) >= 1000:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        table = pa.Table.from_pylist(self._rows, None if self._writer is None else self._writer.schema)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)
        self._rows = []


def _numbered(out: Path, pattern: str, number: int, **more: str) -> Path:
    chunk, file = divmod(number, FILES_IN_CHUNK)
    path = out / pattern.format(chunk_index=chunk, file_index=file, **more)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _features(spec: GameSpec, views: Views, fps: int) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    if views.image is not None:
        height, width = views.image
        out[PICTURE] = {
            "dtype": "video",
            "shape": [height + height % 2, width + width % 2, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height + height % 2,
                "video.width": width + width % 2,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": fps,
                "video.channels": 3,
                "has_audio": False,
            },
        }
    if views.vector:
        assert spec.vector_shape is not None
        out[STATE] = {"dtype": "float32", "shape": [int(np.prod(spec.vector_shape))], "names": None}
    out["action"] = {"dtype": "int64", "shape": [1], "names": ["action"]}
    out["action_mask"] = {"dtype": "bool", "shape": [spec.actions.n], "names": list(spec.actions.names)}
    out["next.reward"] = {"dtype": "float32", "shape": [1], "names": None}
    out["next.done"] = {"dtype": "bool", "shape": [1], "names": None}
    out["next.truncated"] = {"dtype": "bool", "shape": [1], "names": None}
    out["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
    for name in ("frame_index", "episode_index", "index", "task_index"):
        out[name] = {"dtype": "int64", "shape": [1], "names": None}
    return out


def _array(values: npt.NDArray[Any], shape: list[int]) -> pa.Array:
    """Scalars for the shape [1], else lists of that length."""
    flat = pa.array(values.ravel())
    return flat if shape == [1] else pa.FixedSizeListArray.from_arrays(flat, shape[0])


def _stats(values: npt.NDArray[Any]) -> dict[str, npt.NDArray[np.float64]]:
    """Over the first axis: min, max, mean and std, each of the shape of a value or (1,), and count."""
    rows = values.astype(np.float64).reshape(len(values), -1)
    out = {"min": rows.min(0), "max": rows.max(0), "mean": rows.mean(0), "std": rows.std(0)}
    return {**out, "count": np.array([len(values)])}


def _picture_stats(pictures: Sequence[npt.NDArray[np.uint8]]) -> dict[str, npt.NDArray[np.float64]]:
    """By channel, of numbers from 0 to 1, in the shape (3, 1, 1); count is of pictures."""
    total, squares, lows, highs, pixels = np.zeros(3), np.zeros(3), np.ones(3), np.zeros(3), 0
    for picture in pictures:
        rows = picture.reshape(-1, 3) / 255
        total, squares, pixels = total + rows.sum(0), squares + (rows**2).sum(0), pixels + len(rows)
        lows, highs = np.minimum(lows, rows.min(0)), np.maximum(highs, rows.max(0))
    mean = total / pixels
    std = np.sqrt(np.maximum(0, squares / pixels - mean**2))
    shaped = {"min": lows, "max": highs, "mean": mean, "std": std}
    return {**{word: value.reshape(3, 1, 1) for word, value in shaped.items()}, "count": np.array([len(pictures)])}


def _merged(old: Stats, new: Mapping[str, dict[str, npt.NDArray[np.float64]]]) -> Stats:
    """The statistics of both together."""
    out: Stats = {}
    for name, b in new.items():
        a = old.get(name)
        if a is None:
            out[name] = dict(b)
            continue
        n, m = a["count"], b["count"]
        shape = (-1,) + (1,) * (b["mean"].ndim - 1)
        share = (m / (n + m)).reshape(shape)
        mean = a["mean"] + (b["mean"] - a["mean"]) * share
        square = (a["std"] ** 2 + a["mean"] ** 2) * (1 - share) + (b["std"] ** 2 + b["mean"] ** 2) * share
        out[name] = {
            "min": np.minimum(a["min"], b["min"]),
            "max": np.maximum(a["max"], b["max"]),
            "mean": mean,
            "std": np.sqrt(np.maximum(0, square - mean**2)),
            "count": n + m,
        }
    return out
