/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the journal: what they hold, and a decoder that takes any bytes. */
#ifndef PDB_KEYRING_RECORD_H
#define PDB_KEYRING_RECORD_H

#include "wrap.h"

/* schemas/kms-store.md shows the bytes. Types and layouts are never given another meaning. */
typedef enum pdb__record_type {
	PDB__RECORD_BEGIN = 1,    /* the first of a file */
	PDB__RECORD_KEY = 2,      /* one wrapped version of a key; the thread it is bound to */
	PDB__RECORD_DESTROY = 3,  /* a key is destroyed */
	PDB__RECORD_KEK = 4,      /* a KEK version and its state */
	PDB__RECORD_ROTATE = 5,   /* this KEK version is active, the one before decrypt-only */
	PDB__RECORD_VERIFIED = 6, /* every key opened while this KEK version was active */
	PDB__RECORD_HOLD = 7      /* a key may not be destroyed, or may again */
} pdb__record_type;

#define PDB__RECORD_THREAD_MAX 128u
#define PDB__RECORD_MAX        512u
#define PDB__RECORD_MAC        32u

/* All types in one; a type uses some of it. Slices borrow from the bytes that were decoded. */
typedef struct pdb__record {
	pdb__record_type type;
	uint8_t id[PDB__WRAP_ID]; /* of the key or of the KEK; BEGIN: of the instance */
	uint32_t version;         /* of the DEK; of the KEK in the last three */
	uint32_t kek_version;     /* KEY: what wraps it */
	uint32_t kek_first; /* KEY, DESTROY: the oldest KEK version that ever wrapped the key */
	uint32_t kek_last;  /* DESTROY: the newest */
	uint32_t state;     /* KEK: pdb_kms_kek_state; HOLD: 1 or 0 */
	int64_t created;
	int64_t changed;                 /* DESTROY, KEK, ROTATE, VERIFIED: when */
	uint64_t generation;             /* BEGIN */
	uint8_t before[PDB__RECORD_MAC]; /* BEGIN: the last MAC of the file before */
	pdb_slice thread;                /* KEY, DESTROY */
	pdb_slice blob;                  /* KEY: PDB__WRAP_SIZE bytes */
} pdb__record;

/* Writes type and payload; returns the length. `out` has room for PDB__RECORD_MAX bytes. */
size_t pdb__journal_encode(const pdb__record *record, uint8_t *out);

/* Reads what encode wrote; false for anything else. Every byte means something. */
bool pdb__journal_decode(pdb_slice bytes, pdb__record *out);

#endif
