"""``lab parity``: one image on both engines, through the real command."""

from __future__ import annotations

import json

import jsonschema
from support import ROOT, Golden

from lab.parity import ParityResult

SCHEMA = ROOT / "docs" / "parity.schema.json"


def test_the_record_is_what_its_schema_says(golden: Golden) -> None:
    schema = ParityResult.model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", SCHEMA)
    jsonschema.Draft202012Validator.check_schema(schema)
