/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the reader of a plugin's line, over any bytes that pretend to be an ELF file. */
#include <stdint.h>
#include <stdlib.h>

#include "plugin/plugin_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[64];

	memset(line, 'x', sizeof(line));
	if (!pdb__manifest_line(pdb_slice_of(data, size), line, sizeof(line))) {
		return 0;
	}
	/* what goes to a terminal is a text of printable characters */
	for (size_t i = 0; line[i] != '\0'; i++) {
		if (i + 1 >= sizeof(line) || line[i] < ' ' || line[i] > '~') {
			abort();
		}
	}
	return 0;
}
