/* SPDX-License-Identifier: Apache-2.0 */
/* Walking and writing JSON that the scanner has judged. */
#include "base/json.h"

#include "base/mem.h"

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t skip_space(pdb_slice text, size_t at)
{
	while (at < text.len && is_space(text.ptr[at])) {
		at++;
	}
	return at;
}

/* The offset behind the string whose opening quote is at `at`. Strings are most of a message, so
 * the bytes between are left to memchr: a quote ends the string when an even number of backslashes
 * stands before it. */
static size_t skip_string(pdb_slice text, size_t at)
{
	size_t from = at + 1;

	for (at = from; at < text.len; at++) {
		const uint8_t *quote = memchr(text.ptr + at, '"', text.len - at);
		size_t slashes = 0;

		if (quote == NULL) {
			break;
		}
		at = (size_t)(quote - text.ptr);
		while (at - slashes > from && text.ptr[at - slashes - 1] == '\\') {
			slashes++;
		}
		if (slashes % 2 == 0) {
			return at + 1;
		}
	}
	return text.len;
}

static size_t skip_container(pdb_slice text, size_t at)
{
	size_t depth = 0;

	do {
		uint8_t c = text.ptr[at];

		if (c == '"') {
			at = skip_string(text, at);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		at++;
	} while (depth > 0 && at < text.len);
	return at;
}

/* The offset behind the value at `at`, of text that was checked. */
static size_t skip_value(pdb_slice text, size_t at)
{
	uint8_t c = text.ptr[at];

	if (c == '"') {
		return skip_string(text, at);
	}
	if (c == '{' || c == '[') {
		return skip_container(text, at);
	}
	while (at < text.len && text.ptr[at] != ',' && text.ptr[at] != '}' && text.ptr[at] != ']' &&
	       !is_space(text.ptr[at])) {
		at++;
	}
	return at;
}

pdb_json_type pdb_json_type_of(pdb_slice value)
{
	switch (value.len > 0 ? value.ptr[0] : 'n') {
	case 'n':
		return PDB_JSON_NULL;
	case 'f':
		return PDB_JSON_FALSE;
	case 't':
		return PDB_JSON_TRUE;
	case '"':
		return PDB_JSON_STRING;
	case '[':
		return PDB_JSON_ARRAY;
	case '{':
		return PDB_JSON_OBJECT;
	default:
		return PDB_JSON_NUMBER;
	}
}

bool pdb_json_next(pdb_slice value, size_t *cursor, pdb_slice *key, pdb_slice *member)
{
	bool object = value.len > 0 && value.ptr[0] == '{';
	size_t at = skip_space(value, *cursor == 0 ? 1 : *cursor);
	size_t end;

	if (at < value.len && value.ptr[at] == ',') {
		at = skip_space(value, at + 1);
	}
	if (value.len < 2 || at >= value.len - 1) {
		return false;
	}
	*key = (pdb_slice){0};
	if (object) {
		end = skip_string(value, at);
		*key = pdb_slice_of(value.ptr + at + 1, end - at - 2);
		/* over the white space and the colon */
		at = skip_space(value, skip_space(value, end) + 1);
	}
	end = skip_value(value, at);
	*member = pdb_slice_of(value.ptr + at, end - at);
	*cursor = end;
	return true;
}

/* The code unit of the four hex digits at `at`. */
static uint32_t hex4(const uint8_t *at)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++) {
		uint8_t c = at[i];

		unit = unit * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return unit;
}

static size_t utf8_write(char *out, uint32_t point)
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | (point >> 6));
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | (point >> 12));
		out[1] = (char)(0x80 | ((point >> 6) & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (point >> 18));
	out[1] = (char)(0x80 | ((point >> 12) & 0x3f));
	out[2] = (char)(0x80 | ((point >> 6) & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

static char unescape_letter(uint8_t letter)
{
	switch (letter) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return (char)letter;
	}
}

/* Unescapes what begins at *at, which moves behind it; returns how many bytes it makes. */
static size_t unescape_one(pdb_slice raw, size_t *at, char out[4])
{
	const uint8_t *from = raw.ptr + *at;
	uint32_t point;

	if (from[0] != '\\') {
		out[0] = (char)from[0];
		*at += 1;
		return 1;
	}
	if (from[1] != 'u') {
		out[0] = unescape_letter(from[1]);
		*at += 2;
		return 1;
	}
	point = hex4(from + 2);
	*at += 6;
	if (point >= 0xd800 && point < 0xdc00) {
		point = 0x10000 + ((point - 0xd800) << 10) + (hex4(from + 8) - 0xdc00);
		*at += 6;
	}
	return utf8_write(out, point);
}

/* Unescapes the bytes between the quotes. What an escape makes is shorter than the escape. */
static size_t unescape_raw(pdb_slice raw, char *out)
{
	size_t len = 0;
	size_t at = 0;

	while (at < raw.len) {
		char bytes[4];
		size_t made = unescape_one(raw, &at, bytes);

		memcpy(out + len, bytes, made);
		len += made;
	}
	return len;
}

size_t pdb_json_unescape(pdb_slice value, char *out)
{
	return unescape_raw(pdb_slice_of(value.ptr + 1, value.len - 2), out);
}

bool pdb_json_key_equals(pdb_slice raw_key, pdb_slice name)
{
	size_t at = 0;
	size_t len = 0;

	if (raw_key.len <= name.len) {
		/* An escaped key of the same raw length decodes to something shorter. */
		return pdb_slice_equal(raw_key, name);
	}
	while (at < raw_key.len) {
		char bytes[4];
		size_t made = unescape_one(raw_key, &at, bytes);

		if (made > name.len - len || memcmp(bytes, name.ptr + len, made) != 0) {
			return false;
		}
		len += made;
	}
	return len == name.len;
}

bool pdb_json_key_is(pdb_slice raw_key, const char *name)
{
	return pdb_json_key_equals(raw_key, pdb_slice_text(name));
}

bool pdb_json_member(pdb_slice object, const char *name, pdb_slice *member_out)
{
	pdb_slice key;
	pdb_slice member;
	size_t cursor = 0;

	while (pdb_json_next(object, &cursor, &key, &member)) {
		if (pdb_json_key_is(key, name)) {
			*member_out = member;
			return true;
		}
	}
	return false;
}

bool pdb_json_to_int(pdb_slice value, int64_t *out)
{
	bool negative = value.len > 0 && value.ptr[0] == '-';
	uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	uint64_t number = 0;

	if (value.len == (negative ? 1u : 0u)) {
		return false;
	}
	for (size_t i = negative ? 1 : 0; i < value.len; i++) {
		uint8_t digit = (uint8_t)(value.ptr[i] - '0');

		if (digit > 9 || number > (limit - digit) / 10) {
			return false;
		}
		number = number * 10 + digit;
	}
	*out = negative ? (int64_t)(0 - number) : (int64_t)number;
	return true;
}

static void add_escape(pdb_buf *out, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "\b\f\n\r\t\"\\";
	static const char names[] = "bfnrt\"\\";
	char unicode[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	const char *letter = c != 0 ? strchr(letters, c) : NULL;

	if (letter != NULL) {
		char pair[2] = {'\\', names[letter - letters]};

		pdb_buf_add(out, pair, sizeof(pair));
	} else {
		pdb_buf_add(out, unicode, sizeof(unicode));
	}
}

void pdb_json_add_string(pdb_buf *out, pdb_slice text)
{
	size_t plain = 0;

	pdb_buf_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (c < 0x20 || c == '"' || c == '\\') {
			pdb_buf_add(out, text.ptr + plain, i - plain);
			add_escape(out, c);
			plain = i + 1;
		}
	}
	if (text.len > plain) {
		pdb_buf_add(out, text.ptr + plain, text.len - plain);
	}
	pdb_buf_add_byte(out, '"');
}

void pdb_json_add_key(pdb_buf *out, const char *name)
{
	uint8_t last = out->len > 0 ? out->data[out->len - 1] : '{';

	if (last != '{' && last != '[') {
		pdb_buf_add_byte(out, ',');
	}
	pdb_buf_add_byte(out, '"');
	pdb_buf_add_text(out, name);
	pdb_buf_add(out, "\":", 2);
}
