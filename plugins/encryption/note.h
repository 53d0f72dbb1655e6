/* SPDX-License-Identifier: Apache-2.0 */
/* The note "SEAL" of a thread: which key its messages are sealed with. */
#ifndef ENCRYPTION_NOTE_H
#define ENCRYPTION_NOTE_H

#include <pdb/kms.h>

#include "crypt.h"

/*
 * Written with the thread's first sealed message. `check` tells whether what the key service hands
 * out is the key that it was; a message sealed under another could never be read again. See
 * schemas/storage.md. Pure. Threads: any.
 */
typedef struct note {
	uint32_t version; /* of the DEK, for new messages */
	uint8_t check[CRYPT_CHECK_SIZE];
	char id[PDB_KMS_ID_SIZE];
} note;

#define NOTE_SIZE_MAX (14u + PDB_KMS_ID_SIZE)

/* False when the bytes are no note. Reads nothing outside them. */
bool note_decode(pdb_slice bytes, note *out);
/* Returns the length. */
size_t note_encode(const note *n, uint8_t out[NOTE_SIZE_MAX]);

#endif
