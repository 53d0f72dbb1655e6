/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about connections share: being made and unmade, and being read. */
#ifndef PDB_HTTP_CONNECTION_PRIVATE_H
#define PDB_HTTP_CONNECTION_PRIVATE_H

#include "http/http_private.h"

/* Hangs the guard into the input of `conn`; false without memory. */
bool pdb__conn_watch(pdb_conn *conn);
void pdb__conn_unwatch(pdb_conn *conn);
/* Closes without an answer, once the present callback has returned. */
void pdb__conn_close_later(pdb_conn *conn);

#endif
