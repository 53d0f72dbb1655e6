/* SPDX-License-Identifier: Apache-2.0 */
/* Route patterns: whether one is well-formed, and whether two mean the same paths. */
#include "plugin/plugin_private.h"

typedef enum segment_kind {
	SEGMENT_BAD,
	SEGMENT_TEXT,
	SEGMENT_PARAM, /* {name} */
	SEGMENT_REST   /* {*name} */
} segment_kind;

/* Takes the next segment off `rest`, which stands behind a '/'. False after the last one. */
static bool next_segment(const char **rest, pdb_slice *out)
{
	const char *begin = *rest;
	size_t len;

	if (begin == NULL) {
		return false;
	}
	len = strcspn(begin, "/");
	*out = pdb_slice_of(begin, len);
	*rest = begin[len] == '/' ? begin + len + 1 : NULL;
	return true;
}

static bool is_word(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
			return false;
		}
	}
	return text.len > 0;
}

/* Characters that a path holds as they are (RFC 3986, pchar without percent-encoding). */
static bool is_literal(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f ||
		    strchr("\"#%<>?[\\]^`{|}", text.ptr[i]) != NULL) {
			return false;
		}
	}
	return true;
}

static segment_kind kind_of(pdb_slice segment)
{
	if (segment.len == 0 || segment.ptr[0] != '{') {
		return is_literal(segment) ? SEGMENT_TEXT : SEGMENT_BAD;
	}
	if (segment.len < 3 || segment.ptr[segment.len - 1] != '}') {
		return SEGMENT_BAD;
	}
	segment = pdb_slice_of(segment.ptr + 1, segment.len - 2);
	if (segment.ptr[0] == '*') {
		return is_word(pdb_slice_skip(segment, 1)) ? SEGMENT_REST : SEGMENT_BAD;
	}
	return is_word(segment) ? SEGMENT_PARAM : SEGMENT_BAD;
}

/* The name in the braces. */
static pdb_slice param_name(pdb_slice segment, segment_kind kind)
{
	size_t front = kind == SEGMENT_REST ? 2 : 1;

	return pdb_slice_of(segment.ptr + front, segment.len - front - 1);
}

/* True when a segment before `segment` has the same name in its braces. */
static bool name_repeats(const char *pattern, pdb_slice segment, segment_kind kind)
{
	const char *rest = pattern + 1;
	pdb_slice earlier;

	while (next_segment(&rest, &earlier) && earlier.ptr != segment.ptr) {
		segment_kind earlier_kind = kind_of(earlier);

		if (earlier_kind == SEGMENT_PARAM &&
		    pdb_slice_equal(param_name(earlier, earlier_kind), param_name(segment, kind))) {
			return true;
		}
	}
	return false;
}

const char *pdb__pattern_fault(const char *pattern)
{
	const char *rest;
	pdb_slice segment;

	if (pattern == NULL || pattern[0] != '/') {
		return "does not begin with '/'";
	}
	rest = pattern + 1;
	while (next_segment(&rest, &segment)) {
		segment_kind kind = kind_of(segment);

		if (kind == SEGMENT_BAD) {
			return "has a segment that is neither plain text nor {name} nor {*name}";
		}
		if (segment.len == 0 && rest != NULL) {
			return "has an empty segment";
		}
		if (kind == SEGMENT_REST && rest != NULL) {
			return "goes on after {*name}";
		}
		if (kind != SEGMENT_TEXT && name_repeats(pattern, segment, kind)) {
			return "names two segments alike";
		}
	}
	return NULL;
}

bool pdb__pattern_same_shape(const char *a, const char *b)
{
	const char *rest_a = a + 1;
	const char *rest_b = b + 1;
	pdb_slice segment_a;
	pdb_slice segment_b;

	for (;;) {
		bool more_a = next_segment(&rest_a, &segment_a);
		bool more_b = next_segment(&rest_b, &segment_b);

		if (!more_a || !more_b) {
			return more_a == more_b;
		}
		if (kind_of(segment_a) != kind_of(segment_b)) {
			return false;
		}
		if (kind_of(segment_a) == SEGMENT_TEXT && !pdb_slice_equal(segment_a, segment_b)) {
			return false;
		}
	}
}
