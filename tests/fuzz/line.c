/* SPDX-License-Identifier: Apache-2.0 */
/* Any line: refused, or written as a message whose body is the bytes that stood there. */
#include <stdint.h>
#include <stdlib.h>

#include "tools/ndjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool good)
{
	if (!good) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb_slice text = pdb_slice_of(data, size);
	pdb_slice object = {0};
	pdb_slice body;
	pdb_buf out = {0};
	pdb_line line;
	pdb_err err = {0};

	if (pdb_line_read(&line, text, &err) != PDB_OK) {
		return 0;
	}
	if (line.id[0] == '\0') {
		pdb_line_derive_id(&line, 1, text);
	}
	pdb_line_write(&line, &out);
	expect(pdb_json_check_within(pdb_buf_slice(&out), PDB_JSON_DEPTH_MAX + 1, UINT32_MAX,
				     &object, &err) == PDB_OK);
	expect(line.body.len == 0 ||
	       (pdb_json_member(object, "body", &body) && pdb_slice_equal(body, line.body)));
	pdb_buf_fini(&out);
	return 0;
}
