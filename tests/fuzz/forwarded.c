/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what proxies write: the walk ends, and nothing a client writes changes the end. */
#include "forwarded.h"

#include <stdint.h>
#include <stdlib.h>

#define FIELD_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool good)
{
	if (!good) {
		abort();
	}
}

/* Every element lies in the field, and there are no more of them than bytes. */
static void walk(forwarded_kind kind, pdb_slice field)
{
	const uint8_t *begin = field.ptr;
	size_t most = field.len;
	size_t count = 0;
	pdb_slice element;
	pdb_address address;
	char text[PDB_ADDRESS_MAX];

	while (forwarded_cut(kind, &field, &element)) {
		expect(element.len > 0 && element.ptr >= begin + field.len);
		expect(++count <= most);
		if (forwarded_address(kind, element, &address)) {
			pdb_address_print(&address, text);
			expect(text[0] != '\0');
		}
	}
	expect(field.len == 0);
}

/* What a proxy adds behind the bytes of a client reads as if it stood alone. */
static void add(forwarded_kind kind, pdb_slice client, const char *proxy)
{
	static uint8_t field[FIELD_MAX + 128];
	size_t len = strlen(proxy);
	pdb_slice all = pdb_slice_of(field, client.len + 2 + len);
	pdb_slice element;
	pdb_address address;
	char text[PDB_ADDRESS_MAX];

	if (client.len > 0) {
		memcpy(field, client.ptr, client.len);
	}
	memcpy(field + client.len, ", ", 2);
	memcpy(field + client.len + 2, proxy, len);
	expect(forwarded_cut(kind, &all, &element));
	expect(pdb_slice_is(element, proxy));
	expect(forwarded_address(kind, element, &address));
	pdb_address_print(&address, text);
	expect(strcmp(text, "192.0.2.1") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb_slice field = pdb_slice_of(data, size < FIELD_MAX ? size : FIELD_MAX);

	walk(FORWARDED_LIST, field);
	walk(FORWARDED_PAIRS, field);
	add(FORWARDED_LIST, field, "192.0.2.1");
	add(FORWARDED_LIST, field, "[::ffff:192.0.2.1]:80");
	add(FORWARDED_PAIRS, field, "for=192.0.2.1");
	add(FORWARDED_PAIRS, field, "host=\"a, b;for=c\";for=\"192.0.2.1:80\";proto=https");
	return 0;
}
