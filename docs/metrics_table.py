# SPDX-License-Identifier: Apache-2.0
"""Writes the table of metrics in operations.md as a running server shows them; `make docs` calls it."""
import os
import re
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "operations.md")
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
import progressdb  # noqa: E402

HEAD = "| metric | kind | labels | what |\n|---|---|---|---|\n"
SAMPLE = re.compile(r"^(\w+)\{(.*)\} \S+$", re.M)


def scraped():
    """The page of a server that has seen one of everything."""
    server = progressdb.Server(log_level="info")
    try:
        server.start()
        client = server.backend("ann")
        client.post("/v1/threads/t/messages", body={"body": 1})
        server.raw(b"GET / HTTP/1.1\r\n\r\n")
        server.process.send_signal(signal.SIGHUP)
        return progressdb.wait_for(lambda: page_with(server, "progressdb_config_reloads_total{"),
                                   "the reload is counted")
    finally:
        server.close()


def page_with(server, text):
    page = server.admin().get("/metrics").body.decode()
    return page if text in page else None


def labels_of(page, name):
    found = set()
    for sample, labels in SAMPLE.findall(page):
        if sample == name or re.sub(r"_(bucket|sum|count)$", "", sample) == name:
            found |= set(re.findall(r'(\w+)="', labels)) - {"le"}
    return ", ".join(f"`{label}`" for label in sorted(found))


def table(page):
    helps = dict(re.findall(r"^# HELP (\w+) (.*)$", page, re.M))
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M))
    return HEAD + "".join(f"| `{name}` | {kinds[name]} | {labels_of(page, name)} | {helps[name]} |\n"
                          for name in sorted(kinds))


def main():
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    fresh = table(scraped()).rstrip("\n")
    start = text.index(HEAD)
    end = text.index("\n\n", start)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text[:start] + fresh + text[end:])


if __name__ == "__main__":
    main()
