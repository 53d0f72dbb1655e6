/* SPDX-License-Identifier: Apache-2.0 */
/* Any line of a full export: refused, or an object for the server that comes back from a line. */
#include <stdint.h>
#include <stdlib.h>

#include "tools/full.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool good)
{
	if (!good) {
		abort();
	}
}

/* Only what clients have sent can hold line ends: the server writes the rest. */
static bool could_be(pdb_slice object)
{
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice value;

	while (pdb_json_next(object, &cursor, &key, &value)) {
		if (!pdb_slice_is(key, "body") && !pdb_slice_is(key, "attributes") &&
		    (memchr(value.ptr, '\n', value.len) != NULL ||
		     memchr(value.ptr, '\r', value.len) != NULL)) {
			return false;
		}
	}
	return true;
}

static void there_and_back(const pdb_full_line *line)
{
	pdb_full_line again = {0};
	pdb_buf text = {0};
	pdb_err err = {0};

	pdb_full_write(pdb_buf_slice(&line->json), &text);
	expect(memchr(text.data, '\n', text.len) == NULL &&
	       memchr(text.data, '\r', text.len) == NULL);
	expect(pdb_full_read(&again, pdb_buf_slice(&text), &err) == PDB_OK);
	expect(pdb_slice_equal(pdb_buf_slice(&again.json), pdb_buf_slice(&line->json)));
	expect(strcmp(again.thread, line->thread) == 0);
	pdb_buf_fini(&again.json);
	pdb_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb_full_line line = {0};
	bool head;
	pdb_err err = {0};

	(void)pdb_full_is_head(pdb_slice_of(data, size), &head, &err);
	if (pdb_full_read(&line, pdb_slice_of(data, size), &err) == PDB_OK &&
	    line.kind == PDB_FULL_OF_THREAD && could_be(pdb_buf_slice(&line.json))) {
		there_and_back(&line);
	}
	pdb_buf_fini(&line.json);
	return 0;
}
