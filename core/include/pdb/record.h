/* SPDX-License-Identifier: Apache-2.0 */
/* Records and changes: the sockets that see messages on their way in, out, and after commit. */
#ifndef PDB_RECORD_H
#define PDB_RECORD_H

#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * A record is one version of one message. It is opaque; the accessors are in the host table. It
 * lives for the duration of the hook.
 *
 * A hook that takes bytes out of the body (to seal them) keeps them in an attachment: bytes of its
 * own, stored beside the JSON and never inside it, under the four-letter tag of the hook. In the
 * same way it can keep a note of at most PDB_NOTE_MAX bytes for each thread (which key its messages
 * have, say).
 */
typedef struct pdb_record pdb_record;

#define PDB_NOTE_MAX 1024u

/* Takes a member of a JSON object; `json` is its value. */
typedef void (*pdb_member_fn)(void *arg, const char *name, pdb_slice json);

/*
 * order  hooks run in rising order on the way in, falling on the way out. Checks 100, sealing 900.
 * tag    four letters of an attachment's owner, e.g. "SEAL"; "" when the hook keeps none
 * in     NULL = not interested. Before a record is stored. Any status but PDB_OK refuses the write;
 *        nothing has been stored then. PDB_EOFFLOAD: see record_may_block.
 * out    NULL = not interested. Called for records that carry an attachment with `tag`, before
 *        they are shown. PDB_EUNAVAILABLE and PDB_EBUSY (the key cannot be had just now) refuse the
 *        read, other failures show the body as {"_undecryptable":true}. PDB_EOFFLOAD as for `in`.
 * purge  NULL = nothing to do; since 1.1. Called with the hook's note of a thread when that is
 * purged, after nobody sees it any more and before a row is removed: what the note stands for ends
 *        here. A failure stops the purge; it is tried again later, and called again. May block.
 * show   NULL = nothing to tell; since 1.1. Called with the hook's note of a thread when that is
 *        shown to an administrator: what it gives to `add` stands in the thread. May block.
 * head   size of an attachment's beginning that will do for `out` when it has the rest in memory;
 *        since 1.1, as the next one
 * ahead  NULL = it never has. Called as a page is gathered: whether the record whose attachment
 *        begins with `head` is in memory. It will most likely be shown soon, and `next` asked
 *        about then: time to fetch what both need. Either may be empty; true for an empty `head`.
 *        Whatever `out` says to a beginning but PDB_OK, it is called again with all. Must not
 *        block, and be quick.
 * Threads: a loop thread or a worker; several at once.
 */
typedef struct pdb_record_hook {
	uint32_t size;
	int32_t order;
	const char *name;
	char tag[5];
	pdb_status (*in)(void *self, pdb_record *record, pdb_err *err);
	pdb_status (*out)(void *self, pdb_record *record, pdb_err *err);
	pdb_status (*purge)(void *self, pdb_slice thread, pdb_slice note, pdb_err *err);
	void (*show)(void *self, pdb_slice note, pdb_member_fn add, void *arg);
	uint32_t head;
	bool (*ahead)(void *self, pdb_slice head, pdb_slice next);
} pdb_record_hook;

typedef enum pdb_change_kind {
	PDB_CHANGE_THREAD_CREATED = 1,
	PDB_CHANGE_THREAD_UPDATED = 2,
	PDB_CHANGE_THREAD_DELETED = 3,
	PDB_CHANGE_THREAD_RESTORED = 4,
	PDB_CHANGE_MESSAGE_APPENDED = 5,
	PDB_CHANGE_MESSAGE_EDITED = 6,
	PDB_CHANGE_MESSAGE_DELETED = 7,
	PDB_CHANGE_MESSAGE_RESTORED = 8,
	PDB_CHANGE_REACTION_SET = 9,
	PDB_CHANGE_REACTION_REMOVED = 10,
	PDB_CHANGE_MESSAGE_PURGED = 11, /* since 1.1, as the next one */
	PDB_CHANGE_THREAD_PURGED = 12
} pdb_change_kind;

/* A committed, durable change. Opaque; accessors in the host table; lives during the call. */
typedef struct pdb_change pdb_change;

/*
 * told  mandatory. Called once for each change after it is on disk, in commit order within a
 *       thread. A change whose answer was lost in a crash is not told again.
 * Threads: one thread for all listeners; must not block.
 */
typedef struct pdb_listener {
	uint32_t size;
	const char *name;
	void (*told)(void *self, const pdb_change *change);
} pdb_listener;

#endif
