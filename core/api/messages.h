/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a message as clients send it. */
#ifndef PDB_API_MESSAGES_H
#define PDB_API_MESSAGES_H

#include "api/api_private.h"

/* What the server alone decides (seq, version, deleted, reactions, …) has no field here. */
typedef struct pdb__message_body {
	pdb_slice thread;
	pdb_slice id;
	pdb_slice author;
	pdb_slice role;
	pdb_slice body;
	pdb_slice reply_to;
	int64_t ts;
} pdb__message_body;

extern const pdb__shape pdb__message_shape; /* of a pdb__message_body */

#endif
