/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the two formats a scraper wants (RFC 9110, section 12.5.1). */
#include "metrics_private.h"

#define WEIGHT_MAX 1000u

static pdb_slice cut(pdb_slice *text, uint8_t at)
{
	const uint8_t *end = text->len > 0 ? memchr(text->ptr, at, text->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - text->ptr) : text->len;
	pdb_slice part = pdb_slice_of(text->ptr, len);

	*text = pdb_slice_skip(*text, len + 1);
	return pdb_slice_trim(part);
}

static bool is_word(pdb_slice text, const char *word)
{
	size_t len = strlen(word);

	if (text.len != len) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = text.ptr[i];

		if ((byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte) != (uint8_t)word[i]) {
			return false;
		}
	}
	return true;
}

/* "0.25" in thousandths; what is no weight counts as none. */
static unsigned weight_of(pdb_slice text)
{
	unsigned weight = 0;
	unsigned scale = WEIGHT_MAX;

	if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1')) {
		return 0;
	}
	weight = (unsigned)(text.ptr[0] - '0') * scale;
	for (size_t i = 2; i < text.len; i++) {
		scale /= 10;
		weight += text.ptr[i] >= '0' && text.ptr[i] <= '9'
				  ? (unsigned)(text.ptr[i] - '0') * scale
				  : 0;
	}
	return weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
}

typedef struct wish {
	unsigned weight;
	bool fits; /* a version that is written here, or none named */
} wish;

static wish read_parameters(pdb_slice rest)
{
	wish is = {WEIGHT_MAX, true};

	while (rest.len > 0) {
		pdb_slice value = cut(&rest, ';');
		pdb_slice name = cut(&value, '=');

		if (is_word(name, "q")) {
			is.weight = weight_of(pdb_slice_trim(value));
		} else if (is_word(name, "version")) {
			is.fits = is_word(pdb_slice_trim(value), "1.0.0");
		}
	}
	return is;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

page_format negotiate(pdb_slice accept)
{
	unsigned open = 0;
	unsigned plain = 0;

	while (accept.len > 0) {
		pdb_slice item = cut(&accept, ',');
		pdb_slice type = cut(&item, ';');
		wish is = read_parameters(item);

		if (is_word(type, "application/openmetrics-text") && is.fits) {
			open = larger(open, is.weight);
		} else if (is_word(type, "text/plain") || is_word(type, "text/*") ||
			   is_word(type, "*/*")) {
			plain = larger(plain, is.weight);
		}
	}
	return open > 0 && open >= plain ? PAGE_OPENMETRICS : PAGE_PROMETHEUS;
}
