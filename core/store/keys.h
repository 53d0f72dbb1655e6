/* SPDX-License-Identifier: Apache-2.0 */
/* Key layout: the rows of the database, by name. */
#ifndef PDB_STORE_KEYS_H
#define PDB_STORE_KEYS_H

#include <pdb/storage.h>

/*
 * Keys are text, readable with the engine's own tools. Partition in brackets.
 *
 *   thread:<t>:meta                          [t]  what the thread is (changes rarely)
 *   thread:<t>:head                          [t]  its counters (change with every append)
 *   thread:<t>:msg:<ns, 20>-<seq, 10>        [t]  latest version of a message, in time order
 *   msg:<t>:<m>                              [t]  the "<ns>-<seq>" of message m
 *   version:msg:<t>:<m>:<version, 10>        [t]  versions before the latest
 *   author:<a>:<activity, falling, 20>:<t>   [a]  thread list of an author or participant
 *   trace:<a>:<t>                            [a]  a wrote, takes or took part, or reacted in t
 *   guest:<t>:<a>                            [t]  the same of one who is not, or no more, in t
 *   all:<activity, falling, 20>:<t>          ["all"]  list of all threads
 *   deleted:<ns, 20>:<t>                     ["deleted"]  a thread that was soft-deleted then
 *   deleted:<ns, 20>:<t>:<m>                 ["deleted"]  a message that was
 *   lag:<t>                                  ["lag"]  the thread's crowd rows are behind
 *   meta:…                                   ["meta"] format, database id, jobs
 *   meta:plugin:<name>:<key>                 ["meta"] rows of a plugin's own
 *
 * <a> is percent-encoded, so that no user id reaches into another's rows; ids cannot hold ':'.
 * "falling" is 2^64-1 minus the nanoseconds, so that the latest comes first.
 */
typedef struct pdb_keybuf {
	pdb_key key; /* points into `text` */
	char text[PDB_KEY_MAX];
} pdb_keybuf;

/* The name of the row "meta:untraced": as long as it is there, rows "trace:" and "guest:" may be
 * missing. It holds how far the job that makes them has come. */
#define PDB_META_UNTRACED "untraced"

/* "<ns, 20>-<seq, 10>" without NUL. */
#define PDB_POSITION_LEN 31u

/* All fill *out; ids and authors must be valid, and cannot then be too long. Threads: any. */
void pdb_key_thread_meta(pdb_keybuf *out, pdb_slice thread);
void pdb_key_thread_head(pdb_keybuf *out, pdb_slice thread);
void pdb_key_timeline(pdb_keybuf *out, pdb_slice thread, uint64_t ns, uint64_t seq);
/* `position` as stored under msg:, PDB_POSITION_LEN bytes. */
void pdb_key_timeline_at(pdb_keybuf *out, pdb_slice thread, pdb_slice position);
void pdb_key_message(pdb_keybuf *out, pdb_slice thread, pdb_slice message);
void pdb_key_version(pdb_keybuf *out, pdb_slice thread, pdb_slice message, uint32_t version);
void pdb_key_author(pdb_keybuf *out, pdb_slice author, uint64_t activity, pdb_slice thread);
void pdb_key_trace(pdb_keybuf *out, pdb_slice author, pdb_slice thread);
void pdb_key_guest(pdb_keybuf *out, pdb_slice thread, pdb_slice author);
/* The "guest:" row for a "trace:" key, and the other way round; false for another key. */
bool pdb_key_trace_twin(pdb_keybuf *out, pdb_slice key);
void pdb_key_all(pdb_keybuf *out, uint64_t activity, pdb_slice thread);
void pdb_key_lag(pdb_keybuf *out, pdb_slice thread);
/* Of a thread when `message` is empty. */
void pdb_key_deleted(pdb_keybuf *out, uint64_t ns, pdb_slice thread, pdb_slice message);
void pdb_key_meta(pdb_keybuf *out, const char *name);
/* A row of a plugin; an empty or shorter `key` makes a prefix. */
void pdb_key_plugin(pdb_keybuf *out, const char *plugin, pdb_slice key);

/* Prefixes, for scans: "thread:<t>:msg:", "version:msg:<t>:<m>:", "author:<a>:", "trace:<a>:",
 * "guest:<t>:", "all:", "lag:", "deleted:". */
void pdb_key_timeline_prefix(pdb_keybuf *out, pdb_slice thread);
void pdb_key_version_prefix(pdb_keybuf *out, pdb_slice thread, pdb_slice message);
void pdb_key_author_prefix(pdb_keybuf *out, pdb_slice author);
void pdb_key_trace_prefix(pdb_keybuf *out, pdb_slice author);
void pdb_key_guest_prefix(pdb_keybuf *out, pdb_slice thread);
void pdb_key_all_prefix(pdb_keybuf *out);
void pdb_key_lag_prefix(pdb_keybuf *out);
void pdb_key_deleted_prefix(pdb_keybuf *out);
/* Turns a prefix into the first key behind everything that begins with it. */
void pdb_key_prefix_end(pdb_keybuf *out, const pdb_keybuf *prefix);

/* Writes and reads "<ns>-<seq>". */
void pdb_position_write(char out[PDB_POSITION_LEN], uint64_t ns, uint64_t seq);
bool pdb_position_read(pdb_slice position, uint64_t *ns, uint64_t *seq);
/* The last PDB_POSITION_LEN bytes of a timeline key; false when it is none. */
bool pdb_key_timeline_position(pdb_slice key, uint64_t *ns, uint64_t *seq);
/* What a row "deleted:…" tells; `message` is empty for a thread. Borrowed from the key. */
bool pdb_key_deleted_entry(pdb_slice key, uint64_t *ns, pdb_slice *thread, pdb_slice *message);
/* The thread of a row "trace:…". Borrowed from the key. */
bool pdb_key_trace_entry(pdb_slice key, pdb_slice *thread);
/* Activity and thread id of a row in an author: or all: list. */
bool pdb_key_list_entry(pdb_slice key, uint64_t *activity, pdb_slice *thread);

#endif
