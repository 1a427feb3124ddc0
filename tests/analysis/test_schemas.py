"""The schemas in docs are those of what is written."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from arena.analysis.outcomes import Outcomes
from arena.analysis.schemas import schemas
from arena.analysis.summary import analyse
from scripts.eval.leagues import league

DOCS = Path(__file__).parents[2] / "docs"


def test_the_schemas_in_docs_are_current() -> None:
    """Else: python -m arena.analysis.schemas > docs/results.schema.json"""
    assert json.loads((DOCS / "results.schema.json").read_text()) == schemas()


def test_an_analysis_has_every_field_that_its_schema_requires() -> None:
    found: Outcomes = league((0.5, 0.0, -0.5), 10)
    written = json.loads(msgspec.json.encode(analyse(found)))
    defined = schemas()["$defs"]
    assert set(defined["Analysis"]["required"]) <= set(written)
    assert set(defined["GameAnalysis"]["required"]) <= set(written["games"][0])
    assert set(defined["Difference"]["required"]) <= set(written["games"][0]["differences"][0])
