"""JSON Schemas of what admin routes answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mock_akool.core.schema import Schema

TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
FLAG: Final[Schema] = {"type": "boolean"}


def or_null(schema: Schema) -> Schema:
    """Return the schema of the same value, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """Return the schema of a list of such values."""
    return {"type": "array", "items": schema}


def record(fields: Mapping[str, tuple[str, Schema]]) -> Schema:
    """Return the schema of an object that has all these fields, each with a help and a schema."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(fields),
        "properties": {name: {"description": help, **schema} for name, (help, schema) in fields.items()},
    }


def page(name: str, help: str, schema: Schema, *, by: str, **more: tuple[str, Schema]) -> Schema:
    """Return the schema of a list that comes in pages; `by` in the query chooses one."""
    return record(
        {
            name: (help, listed(schema)),
            "matched": ("how many there are, listed or not", WHOLE),
            "next": (f"what to give as `{by}` for the rest; null when that was all", or_null(WHOLE)),
            **more,
        }
    )
