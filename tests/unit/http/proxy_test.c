/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers: whole, in pieces, wrong; and that nothing behind them is touched. */
#include <criterion/criterion.h>

#include "http/proxy.h"

#define SIGNATURE                   "\r\n\r\n\0\r\nQUIT\n"
#define V2(command, family, length) SIGNATURE command family length

typedef struct sample {
	pdb_slice bytes;
	const char *address;
} sample;

#define SAMPLE(text, address)                                                                      \
	{                                                                                          \
		{(const uint8_t *)(text), sizeof(text) - 1}, address                               \
	}

static const char local[216] = "/run/client";

static const sample good[] = {
	SAMPLE("PROXY TCP4 192.0.2.1 192.0.2.2 65535 0\r\n", "192.0.2.1"),
	SAMPLE("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1"),
	SAMPLE("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1"),
	SAMPLE("PROXY UNKNOWN\r\n", ""),
	SAMPLE("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""),
	SAMPLE(V2("\x20", "\x00", "\x00\x00"), ""),
	SAMPLE(V2("\x20", "\x11", "\x00\x03") "abc", ""),
	SAMPLE(V2("\x21", "\x00", "\x00\x02") "ab", ""),
	SAMPLE(V2("\x21", "\x11", "\x00\x0c") "\xc0\x00\x02\x01\xc0\x00\x02\x02\x01\x02\x03\x04",
	       "192.0.2.1"),
	SAMPLE(V2("\x21", "\x11",
		  "\x00\x10") "\xc0\x00\x02\x01\xc0\x00\x02\x02\x01\x02\x03\x04\x03\x00\x01z",
	       "192.0.2.1"),
	SAMPLE(V2("\x21", "\x21", "\x00\x24") "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
					      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\1\0\2",
	       "2001:db8::1"),
};

static const sample bad[] = {
	SAMPLE("GET / HTTP/1.1\r\n", NULL),
	SAMPLE("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", NULL),
	SAMPLE("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", NULL),
	SAMPLE("PROXY TCP4 192.0.2.1 192.0.2.2 1 02\r\n", NULL),
	SAMPLE("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", NULL),
	SAMPLE("PROXY TCP4 2001:db8::1 ::1 1 2\r\n", NULL),
	SAMPLE("PROXY TCP6 192.0.2.1 ::1 1 2\r\n", NULL),
	SAMPLE("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n", NULL),
	SAMPLE("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX", NULL),
	SAMPLE("PROXY \r\n", NULL),
	SAMPLE("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", NULL),
	SAMPLE(V2("\x31", "\x11", "\x00\x0c"), NULL),
	SAMPLE(V2("\x22", "\x11", "\x00\x0c"), NULL),
	SAMPLE(V2("\x21", "\x12", "\x00\x0c"), NULL),
	SAMPLE(V2("\x21", "\x11", "\x00\x0b"), NULL),
	SAMPLE(V2("\x21", "\x21", "\x00\x23"), NULL),
	SAMPLE(V2("\x21", "\x31", "\x00\xd7"), NULL),
	SAMPLE(V2("\x21", "\x11",
		  "\x00\x0f") "\xc0\x00\x02\x01\xc0\x00\x02\x02\x01\x02\x03\x04\x03\x00\x01",
	       NULL),
};

/* In pieces of `size`, with more bytes behind; the verdict, and how much was taken. */
static pdb_proxy_verdict feed(pdb_proxy *proxy, pdb_slice bytes, size_t size, size_t *taken)
{
	pdb_proxy_verdict verdict = PDB_PROXY_MORE;

	*taken = 0;
	while (verdict == PDB_PROXY_MORE && *taken < bytes.len) {
		pdb_slice piece = pdb_slice_skip(bytes, *taken);
		size_t used = 0;

		piece.len = piece.len < size ? piece.len : size;
		verdict = pdb_proxy_feed(proxy, piece, &used);
		*taken += used;
	}
	return verdict;
}

Test(proxy, good_ones_in_pieces_of_every_size)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char text[512];
		size_t len = good[i].bytes.len;

		memcpy(text, good[i].bytes.ptr, len);
		memcpy(text + len, "GET /", 5);
		for (size_t size = 1; size <= len + 5; size++) {
			pdb_proxy proxy = {0};
			size_t taken;

			cr_expect(feed(&proxy, pdb_slice_of(text, len + 5), size, &taken) ==
					  PDB_PROXY_DONE,
				  "%zu", i);
			cr_expect(taken == len, "%zu: %zu of %zu", i, taken, len);
			cr_expect_str_eq(proxy.address, good[i].address);
		}
	}
}

Test(proxy, none_is_done_before_its_end)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (size_t len = 0; len < good[i].bytes.len; len++) {
			pdb_proxy proxy = {0};
			size_t taken;

			cr_expect(feed(&proxy, pdb_slice_of(good[i].bytes.ptr, len), len, &taken) ==
				  PDB_PROXY_MORE);
			cr_expect(taken == len);
		}
	}
}

Test(proxy, bad_ones_are_known_at_their_first_wrong_byte)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pdb_proxy proxy = {0};
		size_t taken;

		cr_expect(feed(&proxy, bad[i].bytes, 1, &taken) == PDB_PROXY_BAD, "%zu", i);
	}
}

Test(proxy, a_line_has_an_end)
{
	pdb_proxy proxy = {0};
	char text[300];
	size_t taken;

	memset(text, 'x', sizeof(text));
	memcpy(text, "PROXY UNKNOWN ", 14);
	cr_expect(feed(&proxy, pdb_slice_of(text, sizeof(text)), sizeof(text), &taken) ==
		  PDB_PROXY_BAD);
	cr_expect(taken == PDB_PROXY_V1_MAX + 1, "%zu", taken);
}

Test(proxy, a_local_one_names_nobody)
{
	pdb_proxy proxy = {0};
	char text[16 + 216];
	size_t taken;

	memcpy(text, V2("\x21", "\x31", "\x00\xd8"), 16);
	memcpy(text + 16, local, sizeof(local));
	cr_expect(feed(&proxy, pdb_slice_of(text, sizeof(text)), 7, &taken) == PDB_PROXY_DONE);
	cr_expect_str_eq(proxy.address, "unix");
}

/* Each one-bit change is refused, or leads to another address, or to the same one. */
Test(proxy, every_flipped_bit_ends)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (size_t bit = 0; bit < good[i].bytes.len * 8; bit++) {
			uint8_t text[512];
			pdb_proxy proxy = {0};
			size_t taken;

			memcpy(text, good[i].bytes.ptr, good[i].bytes.len);
			text[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			(void)feed(&proxy, pdb_slice_of(text, good[i].bytes.len), 3, &taken);
			cr_expect(strlen(proxy.address) < PDB_ADDRESS_MAX);
			cr_expect(taken <= good[i].bytes.len);
		}
	}
}
