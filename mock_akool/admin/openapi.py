"""The OpenAPI 3.1 document of both APIs, made from the tables that the code uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mock_akool._version import __version__
from mock_akool.admin.access import OPEN
from mock_akool.admin.routing import PREFIX, Route, Routes
from mock_akool.akool import endpoints
from mock_akool.akool.api import API_ROUTES
from mock_akool.akool.auth import TOKEN_PAIR
from mock_akool.akool.codes import MESSAGES
from mock_akool.akool.families import CREATES, RESULTS, SERVICES
from mock_akool.core.schema import Record, Schema

_TEXT: Final[Schema] = {"type": "string"}
_URL: Final[Schema] = {"type": "string", "description": "a URL, or empty text"}

_REQUESTS: Final[Mapping[str, Schema]] = {
    endpoints.GET_TOKEN: TOKEN_PAIR.schema,
    **{endpoint: create.input.schema for endpoint, create in CREATES.items()},
    **{endpoint: results.input.schema for endpoint, results in RESULTS.items() if results.input is not None},
    **{endpoint: service.input.schema for endpoint, service in SERVICES.items() if service.input is not None},
}
"""What the emulated API reads of a body; what it does not know, it ignores."""

_DATA: Final[Mapping[str, Schema]] = {
    **{endpoint: create.data_schema for endpoint, create in CREATES.items()},
    **{endpoint: results.data_schema for endpoint, results in RESULTS.items()},
    endpoints.QUOTA_INFO: {"type": "object", "required": ["credit"], "properties": {"credit": {"type": "number"}}},
}
_ERROR: Final[Schema] = {
    "type": "object",
    "required": ["error", "hint"],
    "properties": {"error": _TEXT, "hint": _TEXT, "detail": _TEXT},
}
_FILES: Final[Schema] = {each: {} for each in ("image/*", "video/*", "audio/*", "application/*", "text/*")}
_ADMIN_ERRORS: Final = {
    "400": ("Unusable", "the query or the body is wrong"),
    "401": ("Unauthorized", "the token is missing or wrong"),
    "403": ("Forbidden", "the request comes from a page, or by a name that is not allowed"),
    "404": ("NotFound", "there is no such route, account, job, rule or delivery"),
    "405": ("WrongMethod", "the route takes another method"),
    "409": ("Conflict", "it cannot be done in the present state"),
    "413": ("TooLong", "the body is over twice `max_body_bytes` and 64 KiB more; a snapshot over 1 GiB"),
    "504": ("TimedOut", "what was waited for did not come"),
}
"""By HTTP status: the name of the response, and what it means."""


def document(routes: Routes, shared: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the document of the emulated API and of these admin routes.

    Where one of the `shared` schemas stands, it is referred to by its name.
    """
    shared = {"Error": _ERROR, **shared}
    names = {_canonical(schema): name for name, schema in shared.items()}
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), endpoint in ((key, each.endpoint) for key, each in API_ROUTES.items()):
        paths.setdefault(path, {})[method.lower()] = _emulated(endpoint, path)
    for (method, path), route in routes.items():
        paths.setdefault(path, {})[method.lower()] = _admin(method, path, route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mock-akool",
            "version": __version__,
            "description": "The emulated API of Akool; below /_mock/ the admin API, which shows and steers the fake. "
            "The codes of the emulated API: " + ", ".join(f"{int(code)} {text}" for code, text in MESSAGES.items()),
        },
        "servers": [{"url": "/"}],
        "paths": _referring(paths, names),
        "components": {
            "schemas": {
                name: {key: _referring(each, names) for key, each in schema.items()} for name, schema in shared.items()
            },
            "responses": {
                name: {"description": why, "content": _json({"$ref": "#/components/schemas/Error"})}
                for name, why in _ADMIN_ERRORS.values()
            },
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "token": {"type": "http", "scheme": "bearer", "description": "a token of getToken"},
                "admin": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "the TOKEN of --admin-token, if there is one",
                },
            },
        },
    }


def _canonical(schema: Any) -> str:
    return json.dumps({key: value for key, value in schema.items() if key != "description"}, sort_keys=True)


def _referring(tree: Any, names: Mapping[str, str]) -> Any:
    """Return the tree with a reference in the place of each schema that has a name."""
    if isinstance(tree, list):
        return [_referring(each, names) for each in tree]
    if not isinstance(tree, dict):
        return tree
    name = names.get(_canonical(tree)) if "type" in tree else None
    if name is None:
        return {key: _referring(each, names) for key, each in tree.items()}
    said = {"description": tree["description"]} if "description" in tree else {}
    return {"$ref": f"#/components/schemas/{name}", **said}


def _in_path(path: str) -> list[dict[str, Any]]:
    """Return the parameters that a path names."""
    return [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in re.findall(r"{(\w+)}", path)]


def _emulated(endpoint: str, path: str) -> dict[str, Any]:
    service = SERVICES.get(endpoint)
    signed = endpoint != endpoints.GET_TOKEN
    token: Schema = {} if signed else {"token": _TEXT}
    data: Schema = {"data": _DATA[endpoint]} if endpoint in _DATA else {}
    envelope: Schema = {
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": {"type": "integer", "description": "1000 is success, and nothing else is"},
            "msg": _TEXT,
            **token,
            **data,
        },
    }
    described: dict[str, Any] = {
        "operationId": str(endpoint).replace("/", "_"),  # generators make names of it
        "tags": ["emulated"],
        "summary": f"the endpoint {endpoint} of Akool",
        "security": [{"apiKey": []}, {"token": []}] if signed else [{}],
        **({"servers": [{"url": "/"}, {"url": f"https://{service.host}"}]} if service and service.host else {}),
        "responses": {
            "200": {
                "description": "success, or a business error with its code",
                "content": _json(envelope if service is None else {"anyOf": [envelope, service.schema]}),
            },
            "default": {"description": "what a scenario made of it"},
        },
    }
    if endpoint in _REQUESTS:
        described["requestBody"] = {"required": True, "content": _json({"type": "object", **_REQUESTS[endpoint]})}
    asked = RESULTS.get(endpoint) or service
    parameters = _in_path(path)
    if asked is not None:
        parameters += [
            {"name": name, "in": "query", "required": asked is not service, "description": meaning, "schema": _TEXT}
            for name, meaning in asked.query.items()
        ]
    return described | ({"parameters": parameters} if parameters else {})


def _admin(method: str, path: str, route: Route) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation_id(method, path),
        "tags": ["admin"],
        "summary": route.summary,
        "security": [{}] if path in OPEN else [{"admin": []}, {}],
        "parameters": [
            *_in_path(path),
            *_parameters(route),
        ],
        "responses": {
            str(route.status): {
                "description": "it is done",
                "content": _FILES if route.sends_file else _json(route.answer) | _text(route) | _stream(route),
            },
            **{
                status: {"$ref": f"#/components/responses/{name}"}
                for status, (name, _) in _ADMIN_ERRORS.items()
                if status != "504" or route.counter is not None
            },
        },
    }
    if route.body is not None:
        schema = route.body.schema
        properties = {
            name: {**each, **_default(route.body, name), "description": _help(route, route.body, name)}
            for name, each in schema["properties"].items()
        }
        described["requestBody"] = {
            "required": "required" in schema or "oneOf" in schema,
            "content": _json({**schema, "properties": properties}),
        }
    return described


def _help(route: Route, part: Record, key: str) -> str:
    """Return what a field of a route's query or body means, and where else it may stand when it is needed.

    A schema cannot say that one of the two must have it.
    """
    field = part.fields[key]
    name = field.attribute or key
    if name not in route.needed:
        return field.help
    others = (f", or `{each}` in the {where}" for where, each in route.keys_of(name).items() if where != part.name)
    return f"{field.help}; needed here{''.join(others)}"


def _default(of: Record, name: str) -> Schema:
    """Return what is said of a field's default, where that is one and is plain JSON."""
    default = of.fields[name].default
    return {"default": default} if isinstance(default, (bool, int, float, str, dict)) else {}


def operation_id(method: str, path: str) -> str:
    """Return the name of an admin route, such as `post_jobs_job_complete`."""
    return "_".join([method.lower(), *re.findall(r"\w+", path.removeprefix(PREFIX))])


def _parameters(route: Route) -> Iterable[dict[str, Any]]:
    query = route.query
    if query is None:
        return
    schema = query.schema
    for name, field in query.fields.items():
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": _help(route, query, name),
            "schema": {**field.shape.schema, **_default(query, name)},
        }


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _text(route: Route) -> dict[str, Any]:
    return {} if route.as_text is None else {"text/plain": {"schema": _TEXT}}


def _stream(route: Route) -> dict[str, Any]:
    return {} if route.stream is None else {"text/event-stream": {"schema": _TEXT}}
