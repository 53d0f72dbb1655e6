/* SPDX-License-Identifier: Apache-2.0 */
/* Ids: what an id may look like, and new ones. */
#include "base/id.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* Crockford's base 32: digits sort as their values do, and no letter is mistaken for another. */
static const char id_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

#define ID_TIME_DIGITS   10u /* 50 bits of milliseconds: until the year 37,000 */
#define ID_COUNT_DIGITS  3u
#define ID_RANDOM_DIGITS 16u /* 80 bits */

void pdb_random(void *bytes, size_t size)
{
	uint8_t *at = bytes;

	while (size > 0) {
		ssize_t got = getrandom(at, size, 0);

		if (got < 0 && errno != EINTR) {
			pdb_fatal("base", "the kernel gives no random bytes");
		}
		if (got > 0) {
			at += got;
			size -= (size_t)got;
		}
	}
}

static bool id_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool pdb_id_valid(pdb_slice id)
{
	if (id.len < 1 || id.len > PDB_ID_MAX || !id_byte(id.ptr[0])) {
		return false;
	}
	for (size_t i = 1; i < id.len; i++) {
		if (!id_byte(id.ptr[i]) &&
		    (id.ptr[i] == '\0' || strchr("._~@+-", id.ptr[i]) == NULL)) {
			return false;
		}
	}
	return true;
}

bool pdb_author_valid(pdb_slice author)
{
	if (author.len < 1 || author.len > PDB_AUTHOR_MAX || !pdb_utf8_valid(author)) {
		return false;
	}
	for (size_t i = 0; i < author.len; i++) {
		bool c1 = author.ptr[i] == 0xc2 && i + 1 < author.len && author.ptr[i + 1] < 0xa0;

		if (author.ptr[i] < 0x20 || author.ptr[i] == 0x7f || c1) {
			return false;
		}
	}
	return true;
}

static char *id_write(char *out, uint64_t value, unsigned digits)
{
	for (unsigned i = digits; i > 0; i--) {
		*out++ = id_digits[(value >> (5 * (i - 1))) & 31u];
	}
	return out;
}

/* Random bytes for one id. A thread draws those of many at once: the kernel is asked less often. */
static void id_random(uint8_t tail[ID_RANDOM_DIGITS])
{
	static _Thread_local uint8_t drawn[32 * ID_RANDOM_DIGITS];
	static _Thread_local size_t left;

	if (left == 0) {
		pdb_random(drawn, sizeof(drawn));
		left = sizeof(drawn);
	}
	left -= ID_RANDOM_DIGITS;
	memcpy(tail, drawn + left, ID_RANDOM_DIGITS);
}

size_t pdb_id_make(char *out, const char *prefix)
{
	static atomic_uint counter;
	uint8_t tail[ID_RANDOM_DIGITS];
	char *at = out;

	id_random(tail);
	while (*prefix != '\0') {
		*at++ = *prefix++;
	}
	at = id_write(at, (uint64_t)(pdb_clock_now() / PDB_NS_PER_MS), ID_TIME_DIGITS);
	/* Two ids of one millisecond still sort in the order they were made, until it wraps. */
	at = id_write(at, atomic_fetch_add(&counter, 1) & 0x7fffu, ID_COUNT_DIGITS);
	for (size_t i = 0; i < sizeof(tail); i++) {
		*at++ = id_digits[tail[i] & 31u];
	}
	*at = '\0';
	return (size_t)(at - out);
}
