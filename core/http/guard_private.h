/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the guard share. */
#ifndef PDB_HTTP_GUARD_PRIVATE_H
#define PDB_HTTP_GUARD_PRIVATE_H

#include "http/guard.h"

/* The order matters: head states, body states, ends. */
typedef enum pdb_guard_state {
	AT_START,
	AT_START_LF,
	AT_METHOD,
	AT_TARGET,
	AT_SCHEME,
	AT_HOST,
	AT_PORT,
	AT_PATH,
	AT_QUERY,
	AT_PERCENT_HIGH,
	AT_PERCENT_LOW,
	AT_TARGET_END,
	AT_VERSION,
	AT_LINE_LF,
	AT_FIELD,
	AT_NAME,
	AT_VALUE,
	AT_VALUE_LF,
	AT_END_LF,
	AT_BODY,
	AT_CHUNK_SIZE,
	AT_CHUNK_EXTENSION,
	AT_CHUNK_SIZE_LF,
	AT_CHUNK_DATA,
	AT_CHUNK_CR,
	AT_CHUNK_LF,
	AT_DONE,
	AT_REFUSED
} pdb_guard_state;

/* Classes of bytes, as bits. */
#define IS_TOKEN 0x01u
#define IS_VALUE 0x02u /* tab, visible, space, obs-text */
#define IS_PATH  0x04u /* pchar and '/', without '%' */
#define IS_QUERY 0x08u
#define IS_HEX   0x10u
#define IS_DIGIT 0x20u
#define IS_HOST  0x40u /* reg-name without '%' */

extern const uint8_t pdb__guard_classes[128];

static inline uint8_t pdb__guard_class(uint8_t byte)
{
	return byte < 128 ? pdb__guard_classes[byte] : IS_VALUE;
}

unsigned pdb__guard_hex(uint8_t digit);

void pdb__guard_refuse(pdb_guard *guard, int status, const char *code, const char *text);
/* Enters a head state; `pass` is the class of bytes it only passes over, or 0. */
void pdb__guard_enter(pdb_guard *guard, pdb_guard_state state, uint8_t pass);

/* Steps of the request line and of the field lines. */
void pdb__guard_line(pdb_guard *guard, uint8_t byte);
void pdb__guard_fields(pdb_guard *guard, uint8_t byte);
/* Judges the field line just read, by its meaning. */
void pdb__guard_field(pdb_guard *guard, pdb_slice name, pdb_slice value);
/* Judges the header block as a whole and chooses how the body is read. */
void pdb__guard_framing(pdb_guard *guard);
/* Takes body bytes; returns how many. */
size_t pdb__guard_body(pdb_guard *guard, pdb_slice bytes);

#endif
