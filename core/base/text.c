/* SPDX-License-Identifier: Apache-2.0 */
/* Text: UTF-8, percent and hex encoding, numbers, likeness. */
#include "base/text.h"

#include "base/mem.h"

/*
 * The length of the well-formed UTF-8 sequence at `at` (RFC 3629, section 4), or 0. The second byte
 * decides about overlong forms, surrogates and values above U+10FFFF.
 */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
	uint8_t lead = at[0];
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t len;

	if (lead < 0x80) {
		return 1;
	}
	if (lead < 0xc2 || lead > 0xf4) {
		return 0;
	}
	len = lead < 0xe0 ? 2 : (lead < 0xf0 ? 3 : 4);
	if (len > left) {
		return 0;
	}
	low = lead == 0xe0 ? 0xa0 : (lead == 0xf0 ? 0x90 : low);
	high = lead == 0xed ? 0x9f : (lead == 0xf4 ? 0x8f : high);
	if (at[1] < low || at[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return len;
}

/* True when none of the eight bytes has its high bit set. */
static bool ascii_word(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return (word & UINT64_C(0x8080808080808080)) == 0;
}

size_t pdb_utf8_span(pdb_slice bytes)
{
	size_t at = 0;

	while (at < bytes.len) {
		size_t len;

		if (bytes.len - at >= 8 && ascii_word(bytes.ptr + at)) {
			at += 8;
			continue;
		}
		len = utf8_sequence(bytes.ptr + at, bytes.len - at);
		if (len == 0) {
			break;
		}
		at += len;
	}
	return at;
}

bool pdb_utf8_valid(pdb_slice bytes)
{
	return pdb_utf8_span(bytes) == bytes.len;
}

size_t pdb_utf8_length(pdb_slice text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++) {
		count += (text.ptr[i] & 0xc0) != 0x80;
	}
	return count;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool pdb_percent_decode(pdb_slice in, bool plus, char *out, size_t *len_out)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.ptr[i];

		if (c == '%') {
			int high = i + 2 < in.len ? hex_digit(in.ptr[i + 1]) : -1;
			int low = i + 2 < in.len ? hex_digit(in.ptr[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				return false;
			}
			c = (uint8_t)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[len++] = (char)c;
	}
	*len_out = len;
	return true;
}

static bool unreserved(uint8_t c)
{
	uint8_t letter = c | 0x20;

	return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

void pdb_percent_encode(pdb_buf *out, pdb_slice in)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.ptr[i];

		if (unreserved(c)) {
			pdb_buf_add_byte(out, c);
		} else {
			char triple[3] = {'%', hex[c >> 4], hex[c & 15]};

			pdb_buf_add(out, triple, sizeof(triple));
		}
	}
}

void pdb_hex_encode(char *out, pdb_slice in)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < in.len; i++) {
		*out++ = hex[in.ptr[i] >> 4];
		*out++ = hex[in.ptr[i] & 15];
	}
	*out = '\0';
}

bool pdb_hex_decode(uint8_t *out, pdb_slice in)
{
	if (in.len % 2 != 0) {
		return false;
	}
	for (size_t i = 0; i < in.len; i += 2) {
		int high = hex_digit(in.ptr[i]);
		int low = hex_digit(in.ptr[i + 1]);

		if (high < 0 || low < 0) {
			return false;
		}
		*out++ = (uint8_t)(high * 16 + low);
	}
	return true;
}

bool pdb_text_to_uint(pdb_slice text, uint64_t *out)
{
	uint64_t value = 0;

	if (text.len == 0) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t digit = (uint8_t)(text.ptr[i] - '0');

		if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
			return false;
		}
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool pdb_text_equal_nocase(pdb_slice a, pdb_slice b)
{
	if (a.len != b.len) {
		return false;
	}
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.ptr[i]) != lower(b.ptr[i])) {
			return false;
		}
	}
	return true;
}

#define LIKENESS_MAX 64u

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance (1966), one row of the matrix at a time; the lengths are at most
 * LIKENESS_MAX. */
static size_t edit_distance(pdb_slice a, pdb_slice b)
{
	size_t row[LIKENESS_MAX + 1];

	for (size_t j = 0; j <= b.len; j++) {
		row[j] = j;
	}
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t above = row[j];
			size_t change = lower(a.ptr[i - 1]) == lower(b.ptr[j - 1]) ? 0 : 1;

			row[j] = least(diagonal + change, 1 + least(above, row[j - 1]));
			diagonal = above;
		}
	}
	return row[b.len];
}

const char *pdb_text_nearest(const char *word, const char *const *names, size_t count)
{
	pdb_slice given = pdb_slice_text(word);
	const char *nearest = NULL;
	size_t best = given.len / 3 + 1;

	if (given.len > LIKENESS_MAX) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		pdb_slice name = pdb_slice_text(names[i]);
		size_t distance;

		if (name.len > LIKENESS_MAX) {
			continue;
		}
		distance = edit_distance(given, name);
		if (distance < best) {
			best = distance;
			nearest = names[i];
		}
	}
	return nearest;
}
