# SPDX-License-Identifier: Apache-2.0
"""Files that are generated from the option tables say what the program says now."""
import json
import os
import re
import subprocess
import unittest

import progressdb

SOURCE = os.environ.get("PDB_SOURCE", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
GENERATED = {
    "--config-schema": "schemas/config.schema.json",
    "--config-reference": "docs/configuration.md",
    "--config-sample": "etc/progressdb.yaml",
}


# Of progressdb-kms, which has a file of its own.
GENERATED_KMS = {
    "--config-schema": "schemas/kms-config.schema.json",
    "--config-reference": "docs/kms-configuration.md",
    "--config-sample": "etc/progressdb-kms.yaml",
}


def said(*arguments, program="progressdb"):
    path = os.path.join(progressdb.build_directory(), "bin", program)
    result = subprocess.run([path, *arguments], capture_output=True, timeout=60, check=False, env={})
    return result.returncode, result.stdout.decode(), result.stderr.decode()


class GeneratedTest(unittest.TestCase):
    def test_files_are_up_to_date(self):
        for flag, name in GENERATED.items():
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                self.assertEqual(file.read(), said(flag)[1], f"{name}: run `make docs`")

    def test_files_of_the_kms_are_up_to_date(self):
        for flag, name in GENERATED_KMS.items():
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                self.assertEqual(file.read(), said(flag, program="progressdb-kms")[1],
                                 f"{name}: run `make docs`")
        path = os.path.join(SOURCE, GENERATED_KMS["--config-sample"])
        code, out, err = said("--config", path, "--check-config", program="progressdb-kms")
        self.assertEqual((code, err), (0, ""), out)

    def test_the_sample_is_accepted_with_everything_switched_to_its_default(self):
        path = os.path.join(SOURCE, "etc", "progressdb.yaml")
        code, out, err = said("--config", path, "--check-config")
        self.assertEqual((code, err), (0, ""), out)

    def test_every_option_of_the_schema_is_in_the_reference(self):
        schema = json.loads(said("--config-schema")[1])
        reference = said("--config-reference")[1]

        def leaves(node, path):
            for key, child in node.get("properties", {}).items():
                if "properties" in child:
                    yield from leaves(child, path + [key])
                elif not child.get("deprecated") and "Without effect" not in child.get("description", ""):
                    yield ".".join(path + [key])

        names = list(leaves(schema, []))
        self.assertGreater(len(names), 40)
        told = set(re.findall(r"^\| `([a-z0-9_.]+)` \|", reference, re.M))
        self.assertEqual(set(names) - told, set())


if __name__ == "__main__":
    unittest.main()
