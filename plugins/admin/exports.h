/* SPDX-License-Identifier: Apache-2.0 */
/* The files that exports write: <db>/exports/<id of the job>.ndjson, for the server's user alone.
 */
#ifndef PDB_ADMIN_EXPORTS_H
#define PDB_ADMIN_EXPORTS_H

#include "admin_private.h"

/* Makes `text` what stands behind the first `size` bytes; on disk when it returns. Errors:
 * PDB_EFULL, PDB_EBACKEND. */
pdb_status exports_append(const admin *self, const char *id, uint64_t size, pdb_slice text,
			  pdb_err *err);

#endif
