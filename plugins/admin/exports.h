/* SPDX-License-Identifier: Apache-2.0 */
/* The files that exports write, for the server's user alone: <db>/exports/<id of the job>.ndjson,
 * or .sealed where a key service is there. */
#ifndef PDB_ADMIN_EXPORTS_H
#define PDB_ADMIN_EXPORTS_H

#include "admin_private.h"

/* How far a file counts. */
typedef struct exports_place {
	uint64_t size;   /* bytes in clear */
	uint64_t stored; /* bytes of the file */
} exports_place;

/* What is read of one. */
typedef struct exports_part {
	uint8_t *bytes; /* the caller's, with room for `max` */
	size_t max;
	size_t len;
	uint64_t size; /* of the whole, in clear */
} exports_part;

/* Makes `text` what stands behind the place, and moves that; on disk when it returns. Errors:
 * PDB_EFULL, PDB_EBACKEND, those of the key service. */
pdb_status exports_append(const admin *self, const char *id, exports_place *place, pdb_slice text,
			  pdb_err *err);
/* Writes all of it at `at`. Errors: PDB_EFULL, PDB_EBACKEND. */
pdb_status exports_write(int file, uint64_t at, pdb_slice text, pdb_err *err);

#endif
