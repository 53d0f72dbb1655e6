/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the JSON scanner, and everything that walks what it accepted. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* Unescapes a string and writes it again: the result must be acceptable and mean the same. */
static void walk_string(pdb_slice value)
{
	char *plain = malloc(value.len);
	char *again = malloc(6 * value.len);
	pdb_buf out = {0};
	size_t len;

	must(plain != NULL && again != NULL);
	len = pdb_json_unescape(value, plain);
	must(len <= value.len && pdb_utf8_valid(pdb_slice_of(plain, len)));
	pdb_json_add_string(&out, pdb_slice_of(plain, len));
	must(pdb_json_check(pdb_buf_slice(&out), NULL, NULL) == PDB_OK);
	must(pdb_json_unescape(pdb_buf_slice(&out), again) == len &&
	     memcmp(plain, again, len) == 0);
	pdb_buf_fini(&out);
	free(again);
	free(plain);
}

static void walk(pdb_slice value, unsigned depth)
{
	pdb_json_type type = pdb_json_type_of(value);
	pdb_slice key;
	pdb_slice member;
	size_t cursor = 0;
	int64_t number;

	must(depth <= PDB_JSON_DEPTH_MAX);
	if (type == PDB_JSON_STRING) {
		walk_string(value);
	} else if (type == PDB_JSON_NUMBER) {
		(void)pdb_json_to_int(value, &number);
	} else if (type == PDB_JSON_ARRAY || type == PDB_JSON_OBJECT) {
		while (pdb_json_next(value, &cursor, &key, &member)) {
			must(cursor <= value.len && member.len > 0);
			(void)pdb_json_key_is(key, "body");
			walk(member, depth + 1);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb_slice span;
	pdb_err err = {0};

	if (pdb_json_check(pdb_slice_of(data, size), &span, &err) == PDB_OK) {
		walk(span, 0);
		/* What was accepted stays accepted, alone. */
		must(pdb_json_check(span, NULL, NULL) == PDB_OK);
	} else {
		must(err.code != NULL && err.text[0] != '\0');
	}
	return 0;
}
