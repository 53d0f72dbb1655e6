/* SPDX-License-Identifier: Apache-2.0 */
/* The note "SEAL" of a thread: which key its messages are sealed with. */
#include "note.h"

#define NOTE_FORMAT 1u
#define NOTE_FIXED  13u

bool note_decode(pdb_slice bytes, note *out)
{
	size_t len;

	if (bytes.len <= NOTE_FIXED || bytes.ptr[0] != NOTE_FORMAT) {
		return false;
	}
	len = bytes.len - NOTE_FIXED;
	if (len >= sizeof(out->id) || memchr(bytes.ptr + NOTE_FIXED, '\0', len) != NULL) {
		return false;
	}
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < 4; i++) {
		out->version |= (uint32_t)bytes.ptr[1 + i] << (8 * i);
	}
	memcpy(out->check, bytes.ptr + 5, sizeof(out->check));
	memcpy(out->id, bytes.ptr + NOTE_FIXED, len);
	return out->version > 0;
}

size_t note_encode(const note *n, uint8_t out[NOTE_SIZE_MAX])
{
	size_t len = strlen(n->id);

	out[0] = NOTE_FORMAT;
	for (size_t i = 0; i < 4; i++) {
		out[1 + i] = (uint8_t)(n->version >> (8 * i));
	}
	memcpy(out + 5, n->check, sizeof(n->check));
	memcpy(out + NOTE_FIXED, n->id, len);
	return NOTE_FIXED + len;
}
