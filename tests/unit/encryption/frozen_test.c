/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs of format 1, made once: they must open for ever. */
#include <stdlib.h>

#include "sealing.h"

#define FROZEN      PDB_TEST_SOURCE "/tests/unit/encryption/frozen.txt"
#define FROZEN_BLOB 64

/* A line: key byte, thread, message, version, frame in hex, stored body in hex, body in hex. */
static pdb_slice unhex(const char *hex, uint8_t out[SEALING_MAX])
{
	size_t len = 0;

	cr_assert_eq(sodium_hex2bin(out, SEALING_MAX, hex, strlen(hex), NULL, &len, NULL), 0);
	return pdb_slice_of(out, len);
}

static void open_line(char *line)
{
	uint8_t frame_bytes[SEALING_MAX];
	uint8_t stored[SEALING_MAX];
	uint8_t body[SEALING_MAX];
	uint8_t out[SEALING_MAX];
	const char *part[7];
	char *rest = line;
	crypt_place place;
	crypt_keys keys;
	size_t len;

	for (int i = 0; i < 7; i++) {
		part[i] = strsep(&rest, " \n");
		cr_assert_not_null(part[i]);
	}
	sealing_keys(&keys, (uint8_t)strtoul(part[0], NULL, 10));
	place = (crypt_place){.database = PDB_SLICE("frozen"),
			      .thread = pdb_slice_text(part[1]),
			      .message = pdb_slice_text(part[2]),
			      .version = (uint32_t)strtoul(part[3], NULL, 10)};
	cr_assert(sealing_open(&place, &keys, unhex(part[4], frame_bytes), unhex(part[5], stored),
			       out, &len));
	cr_assert(pdb_slice_equal(pdb_slice_of(out, len), unhex(part[6], body)));
}

static void print_hex(FILE *to, const void *bytes, size_t len, const char *end)
{
	for (size_t i = 0; i < len; i++) {
		(void)fprintf(to, "%02x", ((const uint8_t *)bytes)[i]);
	}
	(void)fputs(end, to);
}

/* For a later format: PDB_FREEZE=<file> writes blobs of the present one. */
static void freeze(FILE *to, unsigned i)
{
	static const char *const bodies[] = {"{\"a\":\"one\",\"b\":[1.50,null]}",
					     "{ \"b\" : [1.50 ,{\"a\":\"one\"}] }"};
	static const char *const values[] = {"\"one\"", NULL};
	static const char *const paths[] = {"/body/a", NULL};
	const char *const whole[] = {bodies[i % 2], NULL};
	const char *const root[] = {"/body", NULL};
	char thread[16];
	char message[16];
	sealing s = {.place = {.version = i % 5 + 1}};

	(void)snprintf(thread, sizeof(thread), "thread-%u", i % 7);
	(void)snprintf(message, sizeof(message), "msg-%u", i);
	s.place.database = PDB_SLICE("frozen");
	s.place.thread = pdb_slice_text(thread);
	s.place.message = pdb_slice_text(message);
	sealing_keys(&s.keys, (uint8_t)(i + 1));
	sealing_make(&s, bodies[i % 2], i % 3 == 0 ? whole : values, i % 3 == 0 ? root : paths);
	(void)fprintf(to, "%u %s %s %u ", i + 1, thread, message, s.place.version);
	print_hex(to, s.frame, s.frame_len, " ");
	print_hex(to, s.stored, s.stored_len, " ");
	print_hex(to, bodies[i % 2], strlen(bodies[i % 2]), "\n");
}

Test(frozen, blobs_of_format_1_open)
{
	const char *fresh = getenv("PDB_FREEZE");
	char line[4 * SEALING_MAX];
	unsigned count = 0;
	FILE *file;

	cr_assert_geq(sodium_init(), 0);
	file = fopen(fresh != NULL ? fresh : FROZEN, fresh != NULL ? "w+" : "r");
	cr_assert_not_null(file);
	for (unsigned i = 0; fresh != NULL && i < FROZEN_BLOB; i++) {
		freeze(file, i);
	}
	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		open_line(line);
		count++;
	}
	(void)fclose(file);
	cr_assert_geq(count, FROZEN_BLOB);
}
