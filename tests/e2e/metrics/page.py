# SPDX-License-Identifier: Apache-2.0
"""A page of metrics, read without a library: names, kinds and samples."""
import re

LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
OPEN = ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")


class Page:
    def __init__(self, text):
        self.text = text
        self.kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        self.samples = {}
        for line in text.splitlines():
            found = LINE.fullmatch(line)
            if found and not line.startswith("#"):
                labels = frozenset(LABEL.findall(found.group(2) or ""))
                assert (found.group(1), labels) not in self.samples, f"twice: {line}"
                self.samples[found.group(1), labels] = float(found.group(3))

    def value(self, name, **labels):
        """The sum of the samples of `name` that have these labels."""
        wanted = set(labels.items())
        return sum(value for (other, has), value in self.samples.items()
                   if other == name and wanted <= has)

    def values_of(self, name, label):
        return {dict(has)[label] for (other, has) in self.samples if other == name}


def scrape(client, **fields):
    answer = client.get("/metrics", headers=fields)
    assert answer.status == 200, answer
    return Page(answer.body.decode())
