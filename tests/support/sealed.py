# SPDX-License-Identifier: Apache-2.0
"""A server with the plugin encryption, and what tests of it look for."""
import os
import shutil
import tempfile

import progressdb

MASTER_KEY = os.urandom(32).hex()
EMBEDDED = {"kms": "embedded", "more_kms": f"    master_key_hex: {MASTER_KEY}\n"}


class Sealed:
    """A server whose configuration is written anew before each start."""

    def __init__(self, fields=None, use=True, plugin=True, backend="wiredtiger", kms="testkms",
                 more_kms="", level="info", storage_more=""):
        self.plugins = tempfile.mkdtemp(prefix="progressdb-plugins-")
        self.gather()
        self.server = progressdb.Server(backend=backend)
        self.kms_directory = os.path.join(self.server.directory, "kms")
        self.settings = {"fields": fields, "use": use, "plugin": plugin, "backend": backend, "kms": kms,
                         "more_kms": more_kms, "level": level, "storage_more": storage_more}
        self.configure()

    def gather(self):
        """The plugins of the build and the key service of the tests, in one folder."""
        build = progressdb.build_directory()
        folder = os.path.join(build, "lib", "progressdb", "plugins-1")
        for name in os.listdir(folder):
            shutil.copy(os.path.join(folder, name), self.plugins)
        for name in ("testkms.so", "jobview.so"):
            shutil.copy(os.path.join(build, "tests", "encryption", name), self.plugins)
        os.chmod(self.plugins, 0o700)

    def configure(self, **changes):
        self.settings.update(changes)
        s = self.settings
        text = progressdb.CONFIG.format(backend=s["backend"])
        text = text.replace("security:", s["storage_more"] + "security:", 1)
        if s["plugin"]:
            text += f"  encryption:\n    use: {str(s['use']).lower()}\n"
            if s["fields"]:
                text += f"    fields: [{', '.join(s['fields'])}]\n"
            text += f"  kms:\n    mode: {s['kms']}\n    data_dir: {self.kms_directory}\n" + s["more_kms"]
        load = "[auth, encryption, backup, jobview, metrics]" if s["plugin"] else "[auth]"
        text += f"plugins:\n  directory: {self.plugins}\n  load: {load}\nlogging:\n  level: {s['level']}\n"
        if s["plugin"]:
            text += f"backup:\n  directory: {os.path.join(self.server.directory, 'backups')}\n"
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        self.server.start()
        return self

    def restart(self, **changes):
        self.server.stop()
        self.configure(**changes)
        self.server.start()

    def close(self):
        self.server.close()
        shutil.rmtree(self.plugins, ignore_errors=True)

    # -- the key service of the tests ---------------------------------------------------------

    def fault(self, what):
        fresh = os.path.join(self.kms_directory, "fault.new")
        with open(fresh, "w", encoding="utf-8") as file:
            file.write(what)
        os.rename(fresh, os.path.join(self.kms_directory, "fault"))

    def calls(self):
        """What was asked of it: (operation, key id) in order."""
        path = os.path.join(self.kms_directory, "calls")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [tuple(line.split()) for line in file]

    # -- looking for what must not be there ------------------------------------------------------

    def files(self):
        """Everything the server has written: database, logs, keys."""
        for folder, _, names in os.walk(self.server.directory):
            for name in names:
                path = os.path.join(folder, name)
                if path != self.server.config_path and os.path.isfile(path):
                    yield path

    def find(self, needles):
        """Which of the byte strings occur in which files."""
        found = []
        for path in self.files():
            with open(path, "rb") as file:
                data = file.read()
            found += [(needle, path) for needle in needles if needle in data]
        return found
