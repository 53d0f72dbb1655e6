/* SPDX-License-Identifier: Apache-2.0 */
/* Where the master key comes from, and which keys are refused. */
#ifndef PDB_KEYRING_SOURCE_H
#define PDB_KEYRING_SOURCE_H

#include <pdb/host.h>

#define PDB__MASTER_SIZE 32u

/* The name of the systemd credential in $CREDENTIALS_DIRECTORY. */
#define PDB__MASTER_CREDENTIAL "kek"

typedef struct pdb__master_source {
	const pdb_host *host;
	const char *credentials; /* a directory, or NULL for $CREDENTIALS_DIRECTORY */
	const char *file;        /* "" or NULL = none */
	const char *hex;         /* for development; "" or NULL = none */
} pdb__master_source;

/*
 * Reads the master key: from the credential, else from the file, else from the text. Exactly 32
 * bytes, or 64 hex digits and perhaps a line end. `out` lies in locked memory.
 * Errors: PDB_EINVAL (no source, wrong length, a key that anybody could guess), PDB_EDENIED (owner,
 * mode, link, directory; the text names the remedy), PDB_ENOTFOUND.  Threads: main.
 */
pdb_status pdb__master_read(const pdb__master_source *source, uint8_t out[PDB__MASTER_SIZE],
			    pdb_err *err);

/* NULL, or why a key of 32 bytes is refused: few different bytes, a row of numbers, a short
 * pattern again and again. */
const char *pdb__master_fault(const uint8_t key[PDB__MASTER_SIZE]);

/* Judges an open file of secrets: regular, of root or of this user, and nobody else may touch it.
 * Errors: PDB_EDENIED. */
pdb_status pdb__secret_file_judge(int fd, const char *path, pdb_err *err);
/* Judges the directory a path lies in: others may not put another file there. */
pdb_status pdb__secret_place_judge(const char *path, pdb_err *err);

#endif
