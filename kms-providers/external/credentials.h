/* SPDX-License-Identifier: Apache-2.0 */
/* What this client shows to a KMS and by what it knows it: certificates, or a token. */
#ifndef PDB_EXTERNAL_CREDENTIALS_H
#define PDB_EXTERNAL_CREDENTIALS_H

#include <stdatomic.h>

#include "wire/stream.h"

typedef struct credentials_files {
	const char *token; /* "" = none */
	wire_tls_files tls;
} credentials_files;

/* Read once and never changed; a reload reads others. Lives while somebody holds it. */
typedef struct credentials {
	const pdb_host *host;
	atomic_uint holds;
	SSL_CTX *tls;      /* NULL without TLS */
	wire_token *token; /* locked memory; NULL = none */
} credentials;

/* Reads what `endpoint` asks for. Owns: *out, with one hold. Errors: PDB_EINVAL, PDB_EDENIED (a
 * file that is open to others), PDB_ENOMEM. */
pdb_status credentials_read(credentials **out, const pdb_host *host, const wire_endpoint *endpoint,
			    const credentials_files *files, pdb_err *err);
credentials *credentials_hold(credentials *shown);
/* Wiped with the last one. NULL is accepted. */
void credentials_let_go(credentials **shown);

#endif
