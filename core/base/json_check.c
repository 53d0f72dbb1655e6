/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner: one pass over untrusted JSON (RFC 8259), without recursion. */
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

/* What may come next. */
typedef enum expect {
	EXPECT_VALUE,       /* a value */
	EXPECT_FIRST_VALUE, /* a value or ']' */
	EXPECT_FIRST_KEY,   /* a key or '}' */
	EXPECT_KEY,         /* a key */
	EXPECT_COMMA,       /* ',' or the end of the container */
	EXPECT_NOTHING      /* the text is complete */
} expect;

/*
 * Keys seen so far, each as the keyed 64-bit hash of its object's number and its unescaped bytes.
 * The key of the hash is drawn per process, so nobody can make two differ into one.
 */
#define KEYS_INLINE      24u
#define KEYS_TABLE_FIRST 256u /* a power of two */

typedef struct key_set {
	uint64_t few[KEYS_INLINE];
	uint64_t *table; /* open addressing, 0 = free; NULL while there are few */
	size_t count;
	size_t cap;
} key_set;

typedef struct scanner {
	pdb_slice text;
	size_t at;
	uint32_t nodes;
	uint32_t objects; /* numbers given out */
	uint32_t nodes_max;
	unsigned depth;
	unsigned depth_max;
	bool is_object[PDB_JSON_DEPTH_CAP];
	uint32_t object[PDB_JSON_DEPTH_CAP];
	key_set keys;
	pdb_err *err;
} scanner;

static pdb_status refuse(scanner *scan, const char *code, const char *what)
{
	return pdb_err_set(scan->err, PDB_EINVAL, code,
			   "The JSON is not acceptable at byte %zu: %s.", scan->at, what);
}

static pdb_status broken(scanner *scan, const char *what)
{
	return refuse(scan, "invalid_json", what);
}

/* -- keys ---------------------------------------------------------------------------------- */

/* True when the hash was there before. */
static bool table_add(uint64_t *table, size_t cap, uint64_t hash)
{
	size_t slot = (size_t)hash & (cap - 1);

	while (table[slot] != 0) {
		if (table[slot] == hash) {
			return true;
		}
		slot = (slot + 1) & (cap - 1);
	}
	table[slot] = hash;
	return false;
}

static bool keys_grow(key_set *keys)
{
	size_t cap = keys->cap > 0 ? keys->cap * 4 : KEYS_TABLE_FIRST;
	uint64_t *table;

	table = pdb_mem_zalloc(cap * sizeof(*table));
	if (table == NULL) {
		return false;
	}
	for (size_t i = 0; keys->table == NULL && i < keys->count; i++) {
		(void)table_add(table, cap, keys->few[i]);
	}
	for (size_t i = 0; i < keys->cap; i++) {
		if (keys->table[i] != 0) {
			(void)table_add(table, cap, keys->table[i]);
		}
	}
	pdb_mem_free(keys->table);
	keys->table = table;
	keys->cap = cap;
	return true;
}

static pdb_status keys_add(scanner *scan, uint64_t hash)
{
	key_set *keys = &scan->keys;
	bool seen = false;

	if (keys->table == NULL && keys->count < KEYS_INLINE) {
		for (size_t i = 0; i < keys->count; i++) {
			seen |= keys->few[i] == hash;
		}
		keys->few[keys->count] = hash;
	} else {
		if ((keys->table == NULL || keys->count * 2 >= keys->cap) && !keys_grow(keys)) {
			return pdb_err_set(scan->err, PDB_ENOMEM, NULL, "no memory for keys");
		}
		seen = table_add(keys->table, keys->cap, hash);
	}
	keys->count++;
	return seen ? refuse(scan, "duplicate_key", "a key stands twice in one object") : PDB_OK;
}

/* `quoted` is the key with its quotes. */
static pdb_status key_note(scanner *scan, pdb_slice quoted)
{
	pdb_slice raw = pdb_slice_of(quoted.ptr + 1, quoted.len - 2);
	uint64_t parts[2] = {scan->object[scan->depth - 1], 0};
	char room[256];
	char *plain = NULL;
	uint64_t hash;

	if (raw.len > 0 && memchr(raw.ptr, '\\', raw.len) != NULL) {
		plain = raw.len <= sizeof(room) ? room : pdb_mem_alloc(quoted.len);
		if (plain == NULL) {
			return pdb_err_set(scan->err, PDB_ENOMEM, NULL, "no memory for a key");
		}
		raw = pdb_slice_of(plain, pdb_json_unescape(quoted, plain));
	}
	parts[1] = pdb_hash(raw);
	hash = pdb_hash(pdb_slice_of(parts, sizeof(parts)));
	if (plain != room) {
		pdb_mem_free(plain);
	}
	return keys_add(scan, hash != 0 ? hash : 1);
}

/* -- scalars ------------------------------------------------------------------------------- */

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of "\uXXXX" at `at`, or -1. */
static int32_t unicode_unit(const scanner *scan, size_t at)
{
	int32_t unit = 0;

	if (scan->text.len - at < 6 || scan->text.ptr[at] != '\\' ||
	    scan->text.ptr[at + 1] != 'u') {
		return -1;
	}
	for (size_t i = at + 2; i < at + 6; i++) {
		int digit = hex_value(scan->text.ptr[i]);

		if (digit < 0) {
			return -1;
		}
		unit = unit * 16 + digit;
	}
	return unit;
}

static pdb_status scan_unicode(scanner *scan)
{
	int32_t unit = unicode_unit(scan, scan->at);

	if (unit < 0) {
		return broken(scan, "\\u wants four hex digits");
	}
	if (unit >= 0xdc00 && unit < 0xe000) {
		return refuse(scan, "lone_surrogate", "a surrogate stands alone");
	}
	if (unit >= 0xd800 && unit < 0xdc00) {
		int32_t low = unicode_unit(scan, scan->at + 6);

		if (low < 0xdc00 || low >= 0xe000) {
			return refuse(scan, "lone_surrogate", "a surrogate stands alone");
		}
		scan->at += 6;
	}
	scan->at += 6;
	return PDB_OK;
}

static pdb_status scan_escape(scanner *scan)
{
	uint8_t letter = scan->at + 1 < scan->text.len ? scan->text.ptr[scan->at + 1] : 0;

	if (letter == 'u') {
		return scan_unicode(scan);
	}
	if (letter == 0 || strchr("\"\\/bfnrt", letter) == NULL) {
		return broken(scan, "an unknown escape");
	}
	scan->at += 2;
	return PDB_OK;
}

/* At the opening quote; leaves `at` behind the closing one. */
static pdb_status scan_string(scanner *scan)
{
	scan->at++;
	while (scan->at < scan->text.len) {
		uint8_t c = scan->text.ptr[scan->at];
		pdb_status status = PDB_OK;

		if (c == '"') {
			scan->at++;
			return PDB_OK;
		}
		if (c < 0x20) {
			return broken(scan, "a control character in a string");
		}
		if (c == '\\') {
			status = scan_escape(scan);
		} else {
			scan->at++;
		}
		if (status != PDB_OK) {
			return status;
		}
	}
	return broken(scan, "a string without an end");
}

static uint8_t peek(const scanner *scan)
{
	return scan->at < scan->text.len ? scan->text.ptr[scan->at] : 0;
}

static bool scan_digits(scanner *scan)
{
	size_t start = scan->at;

	while (peek(scan) >= '0' && peek(scan) <= '9') {
		scan->at++;
	}
	return scan->at > start;
}

static pdb_status scan_number(scanner *scan)
{
	if (peek(scan) == '-') {
		scan->at++;
	}
	if (peek(scan) == '0') {
		scan->at++;
	} else if (!scan_digits(scan)) {
		return broken(scan, "not a value");
	}
	if (peek(scan) == '.') {
		scan->at++;
		if (!scan_digits(scan)) {
			return broken(scan, "a fraction wants digits");
		}
	}
	if (peek(scan) == 'e' || peek(scan) == 'E') {
		scan->at++;
		if (peek(scan) == '+' || peek(scan) == '-') {
			scan->at++;
		}
		if (!scan_digits(scan)) {
			return broken(scan, "an exponent wants digits");
		}
	}
	return PDB_OK;
}

static pdb_status scan_word(scanner *scan, const char *word)
{
	pdb_slice rest = pdb_slice_skip(scan->text, scan->at);

	if (!pdb_slice_starts(rest, pdb_slice_text(word))) {
		return broken(scan, "not a value");
	}
	scan->at += strlen(word);
	return PDB_OK;
}

/* -- structure ------------------------------------------------------------------------------ */

static expect after_value(const scanner *scan)
{
	return scan->depth > 0 ? EXPECT_COMMA : EXPECT_NOTHING;
}

static pdb_status open_container(scanner *scan, bool object, expect *next)
{
	if (scan->depth >= scan->depth_max) {
		return refuse(scan, "too_deep", "it is nested too deeply");
	}
	scan->is_object[scan->depth] = object;
	scan->object[scan->depth] = object ? ++scan->objects : 0;
	scan->depth++;
	scan->at++;
	*next = object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
	return PDB_OK;
}

static pdb_status close_container(scanner *scan, expect *next)
{
	scan->depth--;
	scan->at++;
	*next = after_value(scan);
	return PDB_OK;
}

static pdb_status scan_value(scanner *scan, expect *next)
{
	uint8_t c = peek(scan);

	if (++scan->nodes > scan->nodes_max) {
		return refuse(scan, "too_many_values", "it holds too many values");
	}
	if (c == '{' || c == '[') {
		return open_container(scan, c == '{', next);
	}
	*next = after_value(scan);
	switch (c) {
	case '"':
		return scan_string(scan);
	case 't':
		return scan_word(scan, "true");
	case 'f':
		return scan_word(scan, "false");
	case 'n':
		return scan_word(scan, "null");
	default:
		return scan_number(scan);
	}
}

static void skip_space(scanner *scan)
{
	uint8_t c = peek(scan);

	while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
		scan->at++;
		c = peek(scan);
	}
}

static pdb_status scan_key(scanner *scan, expect *next)
{
	size_t start = scan->at;
	pdb_status status;

	if (peek(scan) != '"') {
		return broken(scan, "a key is wanted");
	}
	status = scan_string(scan);
	if (status == PDB_OK) {
		status = key_note(scan, pdb_slice_of(scan->text.ptr + start, scan->at - start));
	}
	if (status != PDB_OK) {
		return status;
	}
	skip_space(scan);
	if (peek(scan) != ':') {
		return broken(scan, "a colon is wanted");
	}
	scan->at++;
	*next = EXPECT_VALUE;
	return PDB_OK;
}

static pdb_status scan_comma(scanner *scan, expect *next)
{
	bool object = scan->is_object[scan->depth - 1];

	if (peek(scan) == ',') {
		scan->at++;
		*next = object ? EXPECT_KEY : EXPECT_VALUE;
		return PDB_OK;
	}
	if (peek(scan) == (object ? '}' : ']')) {
		return close_container(scan, next);
	}
	return broken(scan, "a comma or the end is wanted");
}

static pdb_status scan_next(scanner *scan, expect *next)
{
	switch (*next) {
	case EXPECT_FIRST_VALUE:
		return peek(scan) == ']' ? close_container(scan, next) : scan_value(scan, next);
	case EXPECT_FIRST_KEY:
		return peek(scan) == '}' ? close_container(scan, next) : scan_key(scan, next);
	case EXPECT_KEY:
		return scan_key(scan, next);
	case EXPECT_COMMA:
		return scan_comma(scan, next);
	case EXPECT_VALUE:
	case EXPECT_NOTHING:
	default:
		return scan_value(scan, next);
	}
}

static pdb_status scan_text(scanner *scan, pdb_slice *span_out)
{
	expect next = EXPECT_VALUE;
	pdb_status status = PDB_OK;
	size_t start;
	size_t end;

	skip_space(scan);
	start = scan->at;
	end = start;
	while (status == PDB_OK && next != EXPECT_NOTHING) {
		status = scan_next(scan, &next);
		end = scan->at;
		skip_space(scan);
	}
	if (status == PDB_OK && scan->at < scan->text.len) {
		status = broken(scan, "something follows the value");
	}
	if (status == PDB_OK && span_out != NULL) {
		*span_out = pdb_slice_of(scan->text.ptr + start, end - start);
	}
	return status;
}

pdb_status pdb_json_check(pdb_slice text, pdb_slice *span_out, pdb_err *err)
{
	return pdb_json_check_within(text, PDB_JSON_DEPTH_MAX, PDB_JSON_NODES_MAX, span_out, err);
}

pdb_status pdb_json_check_within(pdb_slice text, unsigned depth_max, uint32_t nodes_max,
				 pdb_slice *span_out, pdb_err *err)
{
	scanner scan;
	pdb_status status;

	/* Field by field: zeroing all of it would cost more than a short text. */
	scan.text = text;
	scan.nodes = 0;
	scan.nodes_max = nodes_max;
	scan.depth_max = depth_max < PDB_JSON_DEPTH_CAP ? depth_max : PDB_JSON_DEPTH_CAP;
	scan.objects = 0;
	scan.depth = 0;
	scan.err = err;
	scan.keys.table = NULL;
	scan.keys.count = 0;
	scan.keys.cap = 0;
	scan.at = pdb_utf8_span(text);
	if (scan.at < text.len) {
		return refuse(&scan, "invalid_utf8", "it is not valid UTF-8");
	}
	scan.at = 0;
	status = scan_text(&scan, span_out);
	pdb_mem_free(scan.keys.table);
	return status;
}
