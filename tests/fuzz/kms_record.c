/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a record of the journal: what is read is written the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb__record record;
	uint8_t again[PDB__RECORD_MAX];

	if (size > PDB__RECORD_MAX || !pdb__journal_decode(pdb_slice_of(data, size), &record)) {
		return 0;
	}
	if (pdb__journal_encode(&record, again) != size || memcmp(again, data, size) != 0) {
		abort();
	}
	return 0;
}
