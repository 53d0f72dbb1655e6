/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a signature of version 2: what is read is written again as the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char written[TOKEN_MAX];
	token read;

	if (token_read(&read, pdb_slice_of(data, size))) {
		token_write(&read, written);
		if (!pdb_slice_is(pdb_slice_of(data, size), written)) {
			abort();
		}
	}
	return 0;
}
