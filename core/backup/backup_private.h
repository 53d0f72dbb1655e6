/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef PDB_BACKUP_PRIVATE_H
#define PDB_BACKUP_PRIVATE_H

#include "backup/backup.h"
#include "base/buf.h"

#define PDB__PART_MAX       (4u * 1024u * 1024u)
#define PDB__DIGEST_LEN     32u
#define PDB__DIGEST_SIZE    (2u * PDB__DIGEST_LEN + 1u) /* as hex */
#define PDB__MANIFEST_NAME  "manifest"
#define PDB__DATA_NAME      "data"
#define PDB__FILE_NAME_MAX  128u
#define PDB__SIGNATURE_SIZE 129u /* as hex */

/* errno as a status: PDB_EFULL, PDB_ENOTFOUND or PDB_EBACKEND. */
pdb_status pdb__backup_errno(pdb_err *err, const char *what, const char *name);

/* -- parts ------------------------------------------------------------------------------------- */

void pdb__part_digest(pdb_slice bytes, char hex_out[PDB__DIGEST_SIZE]);
/* Reads until `size` bytes or the end; the number of bytes, -1 with errno. */
ssize_t pdb__part_read(int fd, void *bytes, size_t size);
/* Writes all, 0; -1 with errno. */
int pdb__part_write(int fd, pdb_slice bytes);
/* Puts the bytes on disk in the folder `data` as a file that is not there yet, or is whole. */
pdb_status pdb__part_store(int data, const char *hex, pdb_slice bytes, pdb_err *err);
/* Links the part of an earlier set when it has exactly these bytes; false when it does not. */
bool pdb__part_link(int earlier, int data, const char *hex, pdb_slice bytes);
/* Reads a part into `bytes` (of PDB__PART_MAX). PDB_ECORRUPT when it is not what its name says. */
pdb_status pdb__part_load(int data, const char *hex, uint64_t size, uint8_t *bytes, pdb_err *err);

/* -- signatures -------------------------------------------------------------------------------- */

typedef struct pdb__signer {
	uint8_t secret[64];
	char key[PDB_BACKUP_KEY_SIZE]; /* the public half */
} pdb__signer;

/* Reads the key in the directory `state`, or makes it there. Errors: PDB_EDENIED (others may read
 * it), PDB_ECORRUPT, PDB_EFULL, PDB_EBACKEND.  Owns: wipe it with fini. */
pdb_status pdb__signer_init(pdb__signer *out, const char *state, pdb_err *err);
void pdb__signer_fini(pdb__signer *signer);
void pdb__signer_sign(const pdb__signer *signer, pdb_slice text, char hex_out[PDB__SIGNATURE_SIZE]);
/* True when the half of `key` that is secret signed the text. */
bool pdb__signature_good(const char *key, pdb_slice text, pdb_slice hex);

/* -- manifest ---------------------------------------------------------------------------------- */

typedef struct pdb__manifest {
	pdb_buf text;
	size_t end;   /* of the lines, without the last one, which is the signature */
	size_t lines; /* where those of files and parts begin */
	pdb_backup_about about;
} pdb__manifest;

typedef enum pdb__manifest_kind {
	PDB__MANIFEST_END = 0,
	PDB__MANIFEST_FILE,
	PDB__MANIFEST_PART,
} pdb__manifest_kind;

/* A line: name and size of a file, digest and size of a part of the file before. */
typedef struct pdb__manifest_line {
	char name[PDB__FILE_NAME_MAX];
	uint64_t size;
} pdb__manifest_line;

void pdb__manifest_begin(pdb__manifest *manifest);
void pdb__manifest_file(pdb__manifest *manifest, const char *name, uint64_t size);
void pdb__manifest_part(pdb__manifest *manifest, const char *hex, uint64_t size);
/* Adds the signature. Errors: PDB_ENOMEM. */
pdb_status pdb__manifest_finish(pdb__manifest *manifest, const pdb__signer *signer, pdb_err *err);

/* Reads and judges all of it. Errors: PDB_ECORRUPT, PDB_ENOTSUP, PDB_ENOTFOUND, PDB_EBACKEND. */
pdb_status pdb__manifest_read(int set, pdb__manifest *out, pdb_err *err);
/* Begin with *cursor = manifest->lines. */
pdb__manifest_kind pdb__manifest_next(const pdb__manifest *manifest, size_t *cursor,
				      pdb__manifest_line *out);
void pdb__manifest_fini(pdb__manifest *manifest);
/* True for a name that may stand in a directory and in a line. */
bool pdb__backup_name_good(const char *name);

/* -- tidy -------------------------------------------------------------------------------------- */

#define PDB__SET_NAME_SIZE PDB_BACKUP_NAME_SIZE

/* "20261126T020000.000Z-1a2b3c4d"; the end is of the database. */
void pdb__set_name(char out[PDB__SET_NAME_SIZE], int64_t made_ts, const char *database);
/* The name under which it is made. */
void pdb__set_part_name(char out[PDB__SET_NAME_SIZE + 8], const char *name);
/* The newest set of the database; false when there is none. */
bool pdb__set_newest(int directory, const char *database, char out[PDB__SET_NAME_SIZE]);
/* Removes what has a hidden name of this database: sets that never became complete. */
void pdb__set_sweep(int directory, const char *database);
/* Removes the oldest sets but `keep`. 0 = none. */
void pdb__set_prune(int directory, const char *database, uint32_t keep);
/* Removes one of any name. */
void pdb__set_remove(int directory, const char *name);

#endif
