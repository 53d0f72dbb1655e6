# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI page: its operations, and whether an answer is what it says."""
import collections
import json
import os
import sys

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)  # numbers come back with as many digits as they were sent with

SOURCE = os.environ.get("PDB_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

# What any call may answer, says the introduction of the page: no valid HTTP, or too slow or too long.
EVERYWHERE = ("400", "408", "414", "431")

Operation = collections.namedtuple("Operation", "method path parameters body responses")


# The one shape of errors.
GENERAL = {"content": {"application/json": {"schema": {
    "type": "object", "required": ["error", "code", "request_id"],
    "properties": {"error": {"type": "string"}, "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
                   "request_id": {"type": "string"}, "field": {"type": "string"}},
    "additionalProperties": False}}}}

_validators = {}


def load():
    """The page with every reference put in; ends the test as skipped without the packages."""
    try:
        import jsonschema  # noqa: F401
        import yaml
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(77)
    with open(os.path.join(SOURCE, "schemas", "openapi.yaml"), encoding="utf-8") as file:
        page = yaml.safe_load(file)
    return expand(page, page)


def expand(node, root):
    if isinstance(node, list):
        return [expand(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        target = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = {**target, **{name: value for name, value in node.items() if name != "$ref"}}
    return {name: expand(value, root) for name, value in node.items()}


def operations(page):
    for path, item in page["paths"].items():
        for method in METHODS:
            if method in item:
                made = item[method]
                parameters = item.get("parameters", []) + made.get("parameters", [])
                yield Operation(method.upper(), path, parameters, made.get("requestBody"),
                                made["responses"])


def schema_of(content, kind):
    """The schema of a content type, None when the page does not have the type."""
    found = (content or {}).get(kind.split(";")[0].strip())
    return None if found is None else found.get("schema", {})


def validator(schema):
    import jsonschema
    if id(schema) not in _validators:
        _validators[id(schema)] = (jsonschema.Draft202012Validator(schema), schema)
    return _validators[id(schema)][0]


def fault(operation, answer):
    """What is wrong with an answer, None when it is as described."""
    status = str(answer.status)
    described = operation.responses.get(status, GENERAL if status in EVERYWHERE else None)
    if described is None:
        return f"status {answer.status} is not described"
    content = described.get("content")
    if content is None or operation.method == "HEAD":
        return "a body where none is described" if answer.body and content is None else None
    schema = schema_of(content, answer.headers.get("content-type", ""))
    if schema is None:
        return f"type {answer.headers.get('content-type')!r} is not described"
    if answer.headers["content-type"].split(";")[0] != "application/json":
        return None
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        return f"no JSON: {error}"
    for error in validator(schema).iter_errors(value):
        return f"{error.json_path}: {error.message[:200]}"
    return None
