/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a PROXY header: the verdict does not depend on how they are cut. */
#include <stdint.h>
#include <stdlib.h>

#include "http/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool good)
{
	if (!good) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb_proxy whole = {0};
	pdb_proxy cut = {0};
	pdb_proxy_verdict verdict = PDB_PROXY_MORE;
	pdb_address address;
	size_t used = 0;
	size_t taken = 0;

	while (verdict == PDB_PROXY_MORE && taken < size) {
		size_t one = 0;

		verdict = pdb_proxy_feed(&cut, pdb_slice_of(data + taken, 1), &one);
		expect(one == 1);
		taken++;
	}
	expect(pdb_proxy_feed(&whole, pdb_slice_of(data, size), &used) == verdict);
	expect(used == taken);
	expect(strcmp(whole.address, cut.address) == 0);
	expect(verdict == PDB_PROXY_DONE || whole.address[0] == '\0');
	expect(whole.address[0] == '\0' || strcmp(whole.address, "unix") == 0 ||
	       pdb_address_parse(&address, pdb_slice_text(whole.address)));
	return 0;
}
