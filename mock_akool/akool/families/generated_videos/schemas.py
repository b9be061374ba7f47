"""How the answers about videos of images and of texts look, as JSON Schema (contract section 15)."""

from __future__ import annotations

from typing import Final

from mock_akool.core.schema import Schema
from mock_akool.core.timeline import Status

ID_SCHEMA: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{24}$"}
_STATUS: Final[Schema] = {"enum": [int(status) for status in Status]}
CREATED_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "create_time", "status", "webhookUrl", "prompt", "deduction_credit"],
    "properties": {
        "_id": ID_SCHEMA,
        "create_time": {"type": "integer"},
        "uid": {"type": "integer"},
        "team_id": {"type": "string"},
        "status": _STATUS,
        "webhookUrl": {"type": "string"},
        "file_name": {"type": "string"},
        "prompt": {"type": "string"},
        "deduction_credit": {"type": "number"},
    },
}
BATCH_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["successList", "errorList"],
    "properties": {
        "successList": {"type": "array", "items": CREATED_SCHEMA},
        "errorList": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "msg"],
                "properties": {"code": {"type": "integer"}, "msg": {"type": "string"}},
            },
        },
    },
}
ROW_SCHEMA: Final[Schema] = {
    **CREATED_SCHEMA,
    "required": [*CREATED_SCHEMA["required"], "update_time", "video_duration", "only_add_audio"],
    "properties": {
        **CREATED_SCHEMA["properties"],
        "update_time": {"type": "integer"},
        "video_duration": {"type": "number"},
        "video_url": {"type": "string"},
        "only_add_audio": {"type": "boolean"},
    },
}


def list_of(name: str, items: Schema, *more: str) -> Schema:
    """Return the schema of an object with a list, and with numbers of these names."""
    numbers: Schema = {each: {"type": "integer"} for each in more}
    return {
        "type": "object",
        "required": [name, *more],
        "properties": {name: {"type": "array", "items": items}, **numbers},
    }


def answer_schema(data: Schema) -> Schema:
    """Return the schema of an answer with this data."""
    return {
        "type": "object",
        "required": ["code", "msg"],
        "properties": {"code": {"type": "integer"}, "msg": {"type": "string"}, "data": data},
    }
