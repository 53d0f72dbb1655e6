/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about connections share: being made and unmade, and being read. */
#ifndef PDB_HTTP_CONNECTION_PRIVATE_H
#define PDB_HTTP_CONNECTION_PRIVATE_H

#include "http/http_private.h"

/* Hangs the guard into the input of `conn`; false without memory. */
bool pdb__conn_watch(pdb_conn *conn);
void pdb__conn_unwatch(pdb_conn *conn);
/* Takes what belongs to the PROXY header off the front of `bytes`; false when it is none. */
bool pdb__conn_take_proxy(pdb_conn *conn, pdb_slice bytes, size_t *used);
/* Puts the reader of that header between the socket and TLS; false without memory. */
bool pdb__conn_proxy_tls(pdb_conn *conn);
/* Closes without an answer, once the present callback has returned. */
void pdb__conn_close_later(pdb_conn *conn);

#endif
