/* SPDX-License-Identifier: Apache-2.0 */
/* Backups: sets that are made while the server writes, verified, and restored. */
#ifndef PDB_BACKUP_BACKUP_H
#define PDB_BACKUP_BACKUP_H

#include <pdb/control.h>

#include "store/store.h"

/*
 * Model. A set is a directory: "manifest" and "data/", whose files are named by the BLAKE2b-256 of
 * their bytes. The manifest lists the files of the engine and the parts each is made of, names the
 * public key of the database, and ends with an Ed25519 signature of itself: a byte that changes
 * anywhere is found, and so is a set that was made by another, when the key is known. A set is made
 * under a name that begins with '.' and renamed when all of it is on disk, so that what has its
 * name is complete.
 */

/* Where the database comes from, for the manifest. */
typedef struct pdb_backup_source {
	pdb_store *store;
	const char *backend; /* that is to open it */
	const char *state;   /* the directory where its key is, or is made */
	int64_t since_ts;    /* when the server started, and its positions with it */
} pdb_backup_source;

/*
 * Makes a set in params->directory (made when only its last part is missing), then removes the
 * oldest sets of this database beyond params->keep. Errors: PDB_ENOTSUP, PDB_EBUSY, PDB_EFULL
 * (also when the database itself would lack room), PDB_EBACKEND, and what `progress` returned.
 * Nothing is left of a set that failed.  Threads: any but a loop thread; one at a time.
 */
pdb_status pdb_backup_make(const pdb_backup_source *source, const pdb_backup_params *params,
			   pdb_backup_result *out, pdb_err *err);

/* What a set says of itself. */
typedef struct pdb_backup_about {
	char database[40];
	char backend[64];
	uint64_t format;
	int64_t made_ts;
	int64_t since_ts;
	uint64_t position;
	uint64_t bytes;
	uint64_t files;
	char key[PDB_BACKUP_KEY_SIZE];
} pdb_backup_about;

/* What a restore needs to know. `database` "" takes the set of any database, `key` NULL one that is
 * signed by any key. */
typedef struct pdb_backup_restore_params {
	const char *set;
	const char *target; /* the database directory: absent or empty; NULL only verifies */
	const char *database;
	const uint8_t *key; /* the public one, 32 bytes */
	pdb_backup_progress_fn progress;
	void *arg;
} pdb_backup_restore_params;

/*
 * Reads every byte of the set; with a target, makes <target>/store of it, which appears only when
 * all is good and on disk. Errors: PDB_ECORRUPT (damaged or incomplete), PDB_ENOTSUP (of a newer
 * program), PDB_EDENIED (of another database, signed
 * by another key), PDB_EEXISTS (target not empty), PDB_ENOTFOUND,
 * PDB_EFULL, PDB_EBACKEND.
 */
pdb_status pdb_backup_restore(const pdb_backup_restore_params *params, pdb_backup_about *out,
			      pdb_err *err);

#endif
