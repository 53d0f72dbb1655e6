/* SPDX-License-Identifier: Apache-2.0 */
/* Control: what an operator's plugin may ask of the server as a whole. */
#ifndef PDB_CONTROL_H
#define PDB_CONTROL_H

#include <pdb/host.h>
#include <pdb/storage.h>

/*
 * Model. The table stands in the host table as `control`; test for it with PDB_HAS(host, control).
 * Nothing here judges who asks: a route that offers any of it is for admins alone.
 *
 * What is handed to a callback lives during the call. A callback must not call back into the
 * table. Functions marked "may block" are for init, start, jobs and blocking routes.
 * Since: 1.1 for all.
 */

/* What a reload found. */
typedef enum pdb_reload_kind {
	PDB_RELOAD_CHANGED = 1, /* `text` is the key of an option that has a new value */
	PDB_RELOAD_KEPT = 2, /* the key of one that changed, but only takes effect at a restart */
	PDB_RELOAD_PROBLEM = 3, /* "file:line:column: problem"; the old configuration stays */
	PDB_RELOAD_REFUSED = 4  /* the name of a plugin that keeps its old settings */
} pdb_reload_kind;
typedef void (*pdb_reload_fn)(void *arg, pdb_reload_kind kind, const char *text);

/* One option in force: its value as a line of YAML ("***" for a secret), and who gave it. */
typedef void (*pdb_setting_fn)(void *arg, const char *key, const char *value, const char *origin);

/* One route that the server answers; `owner` is the plugin that registered it, or a core room. */
typedef void (*pdb_route_fn)(void *arg, const pdb_route *route, const char *owner);

/* How far a backup is, in bytes; anything but PDB_OK ends it with that. */
typedef pdb_status (*pdb_backup_progress_fn)(void *arg, uint64_t done, uint64_t total);

/*
 * directory  absolute; a set of files is made in it, under a name of its own
 * keep       how many sets of this database stay there; 0 = all
 * full       write every byte, rather than link what an earlier set has
 * progress   may be NULL
 */
typedef struct pdb_backup_params {
	uint32_t size;
	uint32_t keep;
	const char *directory;
	bool full;
	pdb_backup_progress_fn progress;
	void *arg;
} pdb_backup_params;

#define PDB_BACKUP_NAME_SIZE 64u
#define PDB_BACKUP_KEY_SIZE  65u

/*
 * name      of the set in the directory
 * made_ts   wall clock
 * position  the last commit that was on disk when it began: all up to it are in the set
 * bytes     of the files in it
 * written   of these, what an earlier set did not have
 * key       the public key that its signature is judged by, as hex
 */
typedef struct pdb_backup_result {
	uint32_t size;
	char name[PDB_BACKUP_NAME_SIZE];
	int64_t made_ts;
	uint64_t position;
	uint64_t bytes;
	uint64_t written;
	char key[PDB_BACKUP_KEY_SIZE];
} pdb_backup_result;

typedef struct pdb_host_control {
	uint32_t size;

	/* Of the server, as "0.1.0". */
	const char *(*version)(void);
	/* 32 hex digits, made once per database; "" before start(). */
	const char *(*database_id)(void);
	/* Nanoseconds since the listener opened; 0 before. */
	int64_t (*uptime)(void);

	/* Reads the configuration anew, as SIGHUP does; `told` (may be NULL) hears what it found.
	 * May block. Errors: PDB_ERULE when it has problems, PDB_EBUSY while another runs. */
	pdb_status (*reload)(pdb_reload_fn told, void *arg, pdb_err *err);
	/* The least important lines that are logged. What is set lasts until the next reload. */
	pdb_log_level (*log_level)(void);
	void (*set_log_level)(pdb_log_level level);

	/* Threads and messages, O(1); then the numbers of the store and of its engine. May block.
	 * Errors: those of the engine. */
	pdb_status (*stats)(pdb_stat_fn stat, void *arg);
	/* Every option in the order of its key. */
	void (*config)(pdb_setting_fn setting, void *arg);
	/* Every route, in no order. */
	void (*routes)(pdb_route_fn route, void *arg);

	/*
	 * Appends {"ts":…,<members>} to <db>/state/audit/audit.log and returns when it is on disk.
	 * `members` are one or more members of a JSON object, without braces and line breaks, never
	 * with a secret. A file that was moved away is made anew. May block.
	 * Errors: PDB_EINVAL, PDB_EFULL, PDB_EBACKEND: what was to be audited must not be done.
	 */
	pdb_status (*audit)(pdb_slice members, pdb_err *err);

	/*
	 * Calls `row` for at most `limit` rows whose key begins with `prefix` and comes after
	 * `after` (empty: from the first), in rising order. The values are the stored bytes: show
	 * them with `view` only. PDB_ESTOP ends it. May block.
	 * Errors: PDB_ENOTSUP for an engine that cannot scan all partitions, and those of the
	 * engine.
	 */
	pdb_status (*keys)(pdb_slice prefix, pdb_slice after, size_t limit, pdb_row_fn row,
			   void *arg, pdb_err *err);
	/*
	 * One stored row as a JSON object: {"key","size","kind"} with "value" for the kinds that
	 * are known, else "base64". What is secret (the secret of the database, attachments) shows
	 * as its size. `told` gets the object as `value`. May block. Errors: PDB_ENOTFOUND, and as
	 * `keys`.
	 */
	pdb_status (*view)(pdb_slice key, pdb_row_fn told, void *arg, pdb_err *err);

	/*
	 * Makes a backup of the running database; what is left when it fails is removed by the next
	 * one. May block for as long as the database is large. Errors: PDB_ENOTSUP for an engine
	 * that cannot, PDB_EBUSY while another one is made, PDB_EFULL, PDB_EBACKEND.
	 */
	pdb_status (*backup)(const pdb_backup_params *params, pdb_backup_result *out, pdb_err *err);

	/* The directory of the database, <db>; "" before start(). */
	const char *(*directory)(void);
} pdb_host_control;

#endif
