/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of audit logs: needs the public key only. Pure. */
#ifndef PDB_KEYRING_AUDIT_CHECK_H
#define PDB_KEYRING_AUDIT_CHECK_H

#include <pdb/slice.h>

/*
 * A line is a JSON object that begins with {"seq":N, and ends with
 *   ,"mac":"<32 hex>","prev":"<64 hex>","hash":"<64 hex>"}     or, for a checkpoint,
 *   ,"mac":"<32 hex>","prev":"<64 hex>","hash":"<64 hex>","sig":"<128 hex>"}
 * `hash` is BLAKE2b-256 of "pdb/audit1" and the line up to and without ,"hash": — `prev` is part of
 * it, which chains the lines. `sig` is Ed25519 over "pdb/audit-sig1" and the 32 bytes of the hash.
 * `mac` is for the keyring alone: after a crash it tells lines of its own, which no signature
 * covers yet, from those of others. It may be missing.
 *
 * The head is one line of a second file: how long the log was when it was last made durable.
 */
#define PDB__AUDIT_HASH     32u
#define PDB__AUDIT_SIG      64u
#define PDB__AUDIT_MAC      16u
#define PDB__AUDIT_PUBLIC   32u
#define PDB__AUDIT_LINE_MAX 1024u
#define PDB__AUDIT_HEAD_MAX 384u

typedef struct pdb__audit_head {
	uint64_t seq;
	uint64_t size;             /* of the log's newest file, to the end of that line */
	uint64_t store_generation; /* how far the journal of keys was then */
	uint64_t store_size;
	uint8_t hash[PDB__AUDIT_HASH];
} pdb__audit_head;

typedef struct pdb__audit_check {
	const uint8_t *public_key; /* PDB__AUDIT_PUBLIC bytes */
	pdb__audit_head head;
	bool has_head;
	bool follows;  /* the first line continues an earlier file whose end is not known */
	uint64_t line; /* lines looked at, of all files */
	uint64_t first_seq;
	uint64_t seq;
	uint64_t signed_seq; /* the newest line that a signature covers */
	uint64_t signed_line;
	uint8_t hash[PDB__AUDIT_HASH];
	char fault[256]; /* what is wrong with line `line`; "" = nothing */
} pdb__audit_check;

/* What a line says of itself. */
typedef struct pdb__audit_line {
	uint64_t seq;
	size_t hashed; /* the bytes that the hash covers */
	size_t macced; /* the bytes that the MAC covers; 0 = the line has none */
	bool checkpoint;
	uint8_t mac[PDB__AUDIT_MAC];
	uint8_t prev[PDB__AUDIT_HASH];
	uint8_t hash[PDB__AUDIT_HASH];
	uint8_t sig[PDB__AUDIT_SIG];
} pdb__audit_line;

/* Reads one line, without its end; false for anything that is not one. */
bool pdb__audit_line_read(pdb_slice line, pdb__audit_line *out);
/* The hash that a line must have. `hashed` is the bytes before ,"hash": */
void pdb__audit_hash(pdb_slice hashed, uint8_t out[PDB__AUDIT_HASH]);
/* What is signed for a checkpoint with this hash; returns the length. */
size_t pdb__audit_signed(const uint8_t hash[PDB__AUDIT_HASH], uint8_t out[64]);

/* The head as text with a line end; what is signed is all before ,"sig": */
size_t pdb__audit_head_write(const pdb__audit_head *head, char out[PDB__AUDIT_HEAD_MAX]);
/* Reads it and verifies its signature; false for anything else. */
bool pdb__audit_head_read(pdb_slice text, const uint8_t *public_key, pdb__audit_head *out);

/* Takes the head, before the first line: a log that grows meanwhile has the line it names. */
void pdb__audit_check_head(pdb__audit_check *check, pdb_slice head_text);
/* Judges the next line. False at the first fault; the check is over then. */
bool pdb__audit_check_line(pdb__audit_check *check, pdb_slice line);
/* Judges the end against the head: a log that stops before it was cut or is an older copy. */
bool pdb__audit_check_end(pdb__audit_check *check);

#endif
