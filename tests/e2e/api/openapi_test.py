# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI page says neither more nor less than the tables of routes."""
import glob
import os
import re
import unittest

SOURCE = os.environ.get("PDB_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..", "..")
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

# Pages for people, not calls.
PAGES = re.compile(r"\A/(docs|viewer)(/|\Z)|\A/openapi\.yaml\Z|\{\*")


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def joined(expression, macros):
    """The value of a C string expression of literals and macros."""
    parts = re.findall(r'"([^"]*)"|(\w+)', expression)
    return "".join(text if not name else joined(macros[name], macros) for text, name in parts)


def routes_of(text):
    macros = dict(re.findall(r"^#define\s+(\w+)\s+(\"[^\n]*)$", text, re.M))
    found = re.findall(r"\b(?:CALL|ALIAS)\([A-Z_]+,\s*\w+,\s*([A-Z]+),\s*([^,)]+)[,)]", text)
    found += re.findall(r"PDB_METHOD_([A-Z]+),\s*(?:\.pattern\s*=\s*)?((?:\"[^\"]*\"\s*)+)", text)
    return {(method.lower(), joined(pattern, macros)) for method, pattern in found if '"' in pattern
            or pattern.strip() in macros}


def registered():
    result = set()
    for pattern in ("core/chat/access.h", "core/server/*.c", "plugins/*/*.c"):
        for path in sorted(glob.glob(os.path.join(SOURCE, pattern))):
            with open(path, encoding="utf-8") as file:
                result |= routes_of(file.read())
    return {(method, path) for method, path in result if not PAGES.search(path)}


def described():
    result = set()
    path = None
    for line in read("schemas/openapi.yaml").split("paths:\n", 1)[1].splitlines():
        if re.match(r"\S", line):
            break
        here = re.match(r"  (/\S*):\s*$", line)
        path = here.group(1) if here else path
        verb = re.match(r"    (\w+):\s*$", line)
        if verb and verb.group(1) in METHODS:
            result.add((verb.group(1), path))
    return result


def reference_targets(node, root):
    """Every $ref, followed; raises KeyError for a broken one."""
    if isinstance(node, dict):
        if "$ref" in node:
            target = root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
        for value in node.values():
            reference_targets(value, root)
    elif isinstance(node, list):
        for value in node:
            reference_targets(value, root)


class OpenApi(unittest.TestCase):
    def test_the_tables_are_found(self):
        self.assertGreaterEqual(len(registered()), 22)
        self.assertIn(("post", "/v1/threads/{thread}/messages:batch"), registered())
        self.assertIn(("delete", "/v1/threads/{thread}/messages/{message}/reactions/{identity}"),
                      registered())
        self.assertIn(("post", "/v1/_sign"), registered())
        self.assertIn(("get", "/readyz"), registered())

    def test_every_route_is_described(self):
        self.assertEqual(registered() - described(), set(), "routes that the page does not have")

    def test_every_description_has_a_route(self):
        self.assertEqual(described() - registered(), set(), "calls that no table has")

    def test_the_page_is_whole(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("needs PyYAML")
        page = yaml.safe_load(read("schemas/openapi.yaml"))
        self.assertEqual(page["openapi"], "3.1.0")
        reference_targets(page, page)
        names = [operation["operationId"] for path in page["paths"].values()
                 for verb, operation in path.items() if verb in METHODS]
        self.assertEqual(len(names), len(set(names)))
        for path, item in page["paths"].items():
            wanted = set(re.findall(r"\{(\w+)\}", path))
            given = {part["$ref"].rsplit("/", 1)[1].lower() if "$ref" in part else part["name"]
                     for part in item.get("parameters", [])}
            self.assertLessEqual(wanted, given, path)


if __name__ == "__main__":
    unittest.main()
