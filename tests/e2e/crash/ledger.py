# SPDX-License-Identifier: Apache-2.0
"""What writers meant to store and what they were told is stored."""


class Entry:
    """A message: the state that was acknowledged, and the one that was asked for and not answered.

    A state is (text of the body or None, version, deleted). `group` ties the messages of a batch."""

    def __init__(self, thread, ident, author, group=None):
        self.thread = thread
        self.ident = ident
        self.author = author
        self.group = group
        self.first = None
        self.known = None
        self.maybe = None

    def intend(self, state):
        if self.first is None:
            self.first = state[0]
        self.maybe = state

    def acknowledge(self):
        self.known, self.maybe = self.maybe, None


def state_of(message):
    """The state of a message as the API shows it."""
    deleted = message.get("deleted", False)
    body = message.get("body")
    return (None if deleted else body["text"], message["version"], deleted)


class Ledger:
    """All entries of one run. A writer adds only its own, so no lock is needed."""

    def __init__(self):
        self.entries = {}

    def add(self, entry):
        self.entries[(entry.thread, entry.ident)] = entry
        return entry

    def settle(self, thread, messages, info):
        """Holds a thread as it was found against the ledger; returns the faults, and takes over what is found."""
        faults = []
        seen = {}
        for place, message in enumerate(messages, 1):
            if message["seq"] != place:
                faults.append(f"{thread}: seq {message['seq']} stands at place {place}")
            if message["id"] in seen:
                faults.append(f"{thread}: {message['id']} is there twice")
            seen[message["id"]] = state_of(message)
            if (thread, message["id"]) not in self.entries:
                faults.append(f"{thread}: nobody wrote {message['id']}")
        alive = sum(not state[2] for state in seen.values())
        if info is not None and (info["last_seq"], info["message_count"]) != (len(messages), alive):
            faults.append(f"{thread}: counters {info['last_seq']}/{info['message_count']}, "
                          f"found {len(messages)}/{alive}")
        mine = [entry for entry in self.entries.values() if entry.thread == thread]
        for entry in mine:
            faults += self._judge(entry, seen.get(entry.ident))
        faults += self._groups(mine, seen)
        return faults

    @staticmethod
    def _judge(entry, found):
        allowed = [state for state in (entry.known, entry.maybe) if state is not None]
        if found is None:
            if entry.known is not None:
                return [f"lost: {entry.thread}/{entry.ident}, acknowledged as {entry.known}"]
            return []
        if found not in allowed:
            return [f"{entry.thread}/{entry.ident} is {found}, allowed {allowed}"]
        entry.known, entry.maybe = found, None
        return []

    @staticmethod
    def _groups(entries, seen):
        groups = {}
        for entry in entries:
            if entry.group is not None:
                groups.setdefault(entry.group, []).append(entry.ident in seen)
        return [f"batch {name} is there in part: {there}"
                for name, there in groups.items() if len(set(there)) > 1]

    def unanswered(self):
        """Appends that nobody answered and that are not there."""
        return [entry for entry in self.entries.values() if entry.known is None]

    def threads(self):
        return sorted({entry.thread for entry in self.entries.values()})
