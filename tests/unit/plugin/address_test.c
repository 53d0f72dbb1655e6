/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks of the SDK: what is read, what is not, and what lies in what. */
#include <criterion/criterion.h>
#include <pdb/address.h>

static bool printed(const char *text, bool unmapped, const char *want)
{
	char out[PDB_ADDRESS_MAX];
	pdb_address address;

	if (!pdb_address_parse(&address, pdb_slice_text(text))) {
		return want == NULL;
	}
	if (unmapped) {
		pdb_address_unmap(&address);
	}
	pdb_address_print(&address, out);
	return want != NULL && strcmp(out, want) == 0;
}

Test(address, canonical_text)
{
	cr_expect(printed("192.0.2.7", false, "192.0.2.7"));
	cr_expect(printed("2001:DB8:0:0:0:0:0:1", false, "2001:db8::1"));
	cr_expect(printed("::ffff:192.0.2.1", false, "::ffff:192.0.2.1"));
	cr_expect(printed("::ffff:192.0.2.1", true, "192.0.2.1"));
	cr_expect(printed("::ffff:c000:201", true, "192.0.2.1"));
	cr_expect(printed("::192.0.2.1", true, "::192.0.2.1"), "compatible is not mapped");
}

Test(address, anything_else_is_none)
{
	static const char *const bad[] = {
		"",          " ",          "1",        "1.2.3",     "1.2.3.4.5",
		"1.2.3.256", "01.2.3.4",   "1.2.3.4 ", " 1.2.3.4",  "1.2.3.4:80",
		"::1%lo",    "[::1]",      "1::2::3",  "12345::",   "fe80::1%1",
		"0x1.2.3.4", "1.2.3.4/32", ":::",      "localhost", "::ffff:1.2.3",
		"-1.2.3.4",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect(printed(bad[i], false, NULL), "\"%s\" was read", bad[i]);
	}
}

Test(address, bytes_behind_a_nul_are_no_address)
{
	pdb_address address;

	cr_expect(!pdb_address_parse(&address, PDB_SLICE("1.2.3.4\0")));
}

static bool has(const char *network_text, const char *address_text)
{
	pdb_network network;
	pdb_address address;

	cr_expect(pdb_network_parse(&network, network_text), "%s", network_text);
	cr_expect(pdb_address_parse(&address, pdb_slice_text(address_text)), "%s", address_text);
	return pdb_network_has(&network, &address);
}

Test(network, lies_in)
{
	cr_expect(has("192.0.2.7", "192.0.2.7"));
	cr_expect(!has("192.0.2.7", "192.0.2.8"));
	cr_expect(has("192.0.2.0/25", "192.0.2.127"));
	cr_expect(!has("192.0.2.0/25", "192.0.2.128"));
	cr_expect(has("0.0.0.0/0", "203.0.113.9"));
	cr_expect(!has("0.0.0.0/0", "2001:db8::1"));
	cr_expect(!has("::/0", "203.0.113.9"), "families are apart");
	cr_expect(has("2001:db8::/33", "2001:db8:7fff::1"));
	cr_expect(!has("2001:db8::/33", "2001:db8:8000::1"));
}

Test(network, mapped_is_ipv4)
{
	cr_expect(has("192.0.2.0/24", "::ffff:192.0.2.7"));
	cr_expect(has("::ffff:192.0.2.0/120", "192.0.2.7"));
	cr_expect(has("::ffff:192.0.2.7", "::ffff:192.0.2.7"));
	cr_expect(!has("::ffff:192.0.2.0/120", "192.0.3.7"));
	cr_expect(has("::ffff:0.0.0.0/96", "198.51.100.1"));
}

Test(network, anything_else_is_none)
{
	static const char *const bad[] = {"192.0.2.0/33", "192.0.2.1/24",   "192.0.2.0/",
					  "192.0.2.0/-1", "192.0.2.0/+8",   "192.0.2.0/08",
					  "::1/129",      "2001:db8::1/32", "/8",
					  "10.0.0.0/8 ",  "10.0.0.0/8/8",   "10.0.0.0/0008"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pdb_network network;

		cr_expect(!pdb_network_parse(&network, bad[i]), "\"%s\" was read", bad[i]);
	}
}
