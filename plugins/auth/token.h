/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of version 2, which name their key and when they end. */
#ifndef PDB_AUTH_TOKEN_H
#define PDB_AUTH_TOKEN_H

#include <pdb/slice.h>

#define TOKEN_MAC_SIZE 32u
#define TOKEN_ID_MAX   32u
/* "v2.", the id, ".", 19 digits, ".", 64 hex digits, NUL. */
#define TOKEN_MAX 128u

/* What a signature of version 2 says about itself; `id` lies in the text it was read from. */
typedef struct token {
	pdb_slice id;
	int64_t expires; /* seconds since 1970 */
	uint8_t mac[TOKEN_MAC_SIZE];
} token;

/* True for what can only be meant as one: it is then no bare signature. */
bool token_looks(pdb_slice text);
/* "v2.<key id>.<unix time>.<64 lower-case hex digits>"; false for anything else. Pure. */
bool token_read(token *out, pdb_slice text);
/* Writes it with a NUL; `out` has TOKEN_MAX bytes. */
void token_write(const token *made, char *out);

#endif
