/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the keyring: private, whole or not there, and on disk when a call returns. */
#ifndef PDB_KEYRING_FILES_H
#define PDB_KEYRING_FILES_H

#include <pdb/slice.h>
#include <pdb/status.h>

/* Makes the directory (0700; those above it must exist or are made) and opens it. Refused when
 * others may enter it. Errors: PDB_EDENIED, PDB_EBACKEND. */
pdb_status pdb__files_directory(const char *path, int *fd_out, pdb_err *err);

/* Opens `name` for reading and writing, made (0600) when `create`. Refused: links, other owners,
 * files open to others. Errors: PDB_ENOTFOUND, PDB_EDENIED, PDB_EBACKEND. */
pdb_status pdb__files_open(int directory, const char *name, bool create, int *fd_out, pdb_err *err);

/* Reads a file of at most `size` bytes. Errors: as open; PDB_ECORRUPT when it is longer. */
pdb_status pdb__files_read(int directory, const char *name, uint8_t *out, size_t size,
			   size_t *len_out, pdb_err *err);

/* Replaces `name` at once, through a second file. Errors: PDB_EFULL, PDB_EBACKEND. */
pdb_status pdb__files_write(int directory, const char *name, pdb_slice bytes, pdb_err *err);

/* Overwrites the bytes, makes that durable and removes the file; absent is fine. */
pdb_status pdb__files_shred(int directory, const char *name, pdb_err *err);

/* All of the bytes, or what went wrong; `offset` < 0 appends. 0 or an errno value. */
int pdb__files_put(int fd, const void *bytes, size_t len, int64_t offset);

/* PDB_EFULL for a full disk or a limit, PDB_EBACKEND for the rest. */
pdb_status pdb__files_status(int error);

#endif
