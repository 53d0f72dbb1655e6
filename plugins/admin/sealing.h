/* SPDX-License-Identifier: Apache-2.0 */
/* The sealed form of the file that an export writes. */
#ifndef PDB_ADMIN_SEALING_H
#define PDB_ADMIN_SEALING_H

#include <pdb/kms.h>

#include "exports.h"

/*
 * A head, then frames: the length in clear, a nonce, ciphertext and tag (schemas/storage.md). Each
 * file has a key of its own, from the key service, which the head names; the key is destroyed with
 * the file.
 */
#define SEALING_HEAD  (8u + PDB_KMS_ID_SIZE)
#define SEALING_FRAME (64u * 1024u) /* bytes in clear of a frame, at most */

typedef struct sealing {
	const admin *self;
	const char *id; /* of the job */
	int file;
	uint8_t *key; /* in locked memory */
	uint8_t head[SEALING_HEAD];
} sealing;

/* True when a key service is there: then nothing is written in clear. */
bool sealing_wanted(const admin *self);

/* Gets the key of the file; `make` = makes key and head for a file that has none. Close it also
 * when it failed. Errors: PDB_ENOTFOUND (destroyed), PDB_ECORRUPT, PDB_EUNAVAILABLE, those of the
 * key service. */
pdb_status sealing_open(sealing *s, bool make, pdb_err *err);
void sealing_close(sealing *s);
/* As exports_append. */
pdb_status sealing_append(sealing *s, exports_place *place, pdb_slice text, pdb_err *err);
/* Fills `part` from `offset` on, and tells how much there is in all. Errors: PDB_ECORRUPT. */
pdb_status sealing_read(sealing *s, uint64_t offset, exports_part *part, pdb_err *err);
/* Destroys the key of a file that is gone. */
void sealing_forget(const admin *self, int file);

#endif
