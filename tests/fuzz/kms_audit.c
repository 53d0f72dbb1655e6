/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an audit log and its head: without the signing key none of it is whole. */
#include <stdint.h>
#include <stdlib.h>

#include "audit_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[PDB__AUDIT_PUBLIC] = {1};
	pdb__audit_check check = {.public_key = key};
	pdb_slice left = pdb_slice_of(data, size);
	pdb__audit_line line;

	pdb__audit_check_head(&check, left);
	while (left.len > 0) {
		const uint8_t *end = memchr(left.ptr, '\n', left.len);
		size_t len = end != NULL ? (size_t)(end - left.ptr) : left.len;
		pdb_slice one = pdb_slice_of(left.ptr, len);

		if (pdb__audit_line_read(one, &line) && line.hashed > len) {
			abort();
		}
		if (!pdb__audit_check_line(&check, one)) {
			break;
		}
		left = pdb_slice_skip(left, len + 1);
	}
	if (check.signed_seq != 0 || pdb__audit_check_end(&check)) {
		abort();
	}
	return 0;
}
