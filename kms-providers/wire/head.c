/* SPDX-License-Identifier: Apache-2.0 */
/* The lines in front of a body: as much of HTTP/1.1 as is spoken here, and nothing else. */
#include <sodium.h>
#include <strings.h>

#include "wire/wire.h"

#define PATH_START "/v1/"
#define TYPE       "application/vnd.progressdb.kms"

/* What stands before the first end of line; cut from the front. */
static bool next_line(pdb_slice *left, pdb_slice *line)
{
	for (size_t i = 0; i + 1 < left->len; i++) {
		if (left->ptr[i] == '\r' && left->ptr[i + 1] == '\n') {
			*line = pdb_slice_of(left->ptr, i);
			*left = pdb_slice_skip(*left, i + 2);
			return true;
		}
	}
	return false;
}

/* Decimal digits only, at most twelve. */
static bool number_of(pdb_slice text, uint64_t *out)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 12) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return false;
		}
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*out = value;
	return true;
}

static bool starts(pdb_slice *line, const char *text)
{
	pdb_slice wanted = pdb_slice_text(text);
	bool good = pdb_slice_starts(*line, wanted);

	if (good) {
		*line = pdb_slice_skip(*line, wanted.len);
	}
	return good;
}

static bool read_request_line(pdb_slice line, wire_head *out)
{
	const pdb_slice tail = PDB_SLICE(" HTTP/1.1");
	size_t name;

	out->request = true;
	if (!starts(&line, "POST " PATH_START) || line.len <= tail.len) {
		return false;
	}
	name = line.len - tail.len;
	if (pdb_slice_compare(pdb_slice_skip(line, name), tail) != 0) {
		return false;
	}
	out->op = wire_op_find(pdb_slice_of(line.ptr, name));
	return out->op != WIRE_OP_NONE;
}

static bool read_status_line(pdb_slice line, wire_head *out)
{
	uint64_t status = 0;

	if (!starts(&line, "HTTP/1.1 ") || line.len < 4 || line.ptr[3] != ' ' ||
	    !number_of(pdb_slice_of(line.ptr, 3), &status)) {
		return false;
	}
	out->status = (unsigned)status;
	return status >= 200 && status < 600;
}

static bool copy_hex(pdb_slice value, char *out, size_t digits)
{
	for (size_t i = 0; i < value.len; i++) {
		if (strchr("0123456789abcdef", value.ptr[i]) == NULL || value.ptr[i] == '\0') {
			return false;
		}
	}
	if (value.len != digits) {
		return false;
	}
	memcpy(out, value.ptr, digits);
	out[digits] = '\0';
	return true;
}

static bool copy_name(pdb_slice value, char out[WIRE_NAME + 1])
{
	if (value.len == 0 || value.len > WIRE_NAME) {
		return false;
	}
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] <= ' ' || value.ptr[i] >= 0x7f) {
			return false;
		}
	}
	memcpy(out, value.ptr, value.len);
	out[value.len] = '\0';
	return true;
}

static bool text_is(pdb_slice text, const char *name)
{
	return text.len == strlen(name) &&
	       strncasecmp((const char *)text.ptr, name, text.len) == 0; /* not a secret */
}

/* The fields that mean something here, each at most once. */
enum {
	FIELD_LENGTH = 1,
	FIELD_CONNECTION = 2,
	FIELD_TIME = 4,
	FIELD_NONCE = 8,
	FIELD_MAC = 16,
	FIELD_TOKEN = 32,
	FIELD_HOST = 64,
	FIELD_TYPE = 128,
	FIELD_FORBIDDEN = 256
};

static unsigned field_of(pdb_slice name)
{
	static const struct {
		const char *name;
		unsigned field;
	} fields[] = {
		{"content-length", FIELD_LENGTH},
		{"connection", FIELD_CONNECTION},
		{"x-kms-time", FIELD_TIME},
		{"x-kms-nonce", FIELD_NONCE},
		{"x-kms-mac", FIELD_MAC},
		{"x-kms-token", FIELD_TOKEN},
		{"host", FIELD_HOST},
		{"content-type", FIELD_TYPE},
		{"transfer-encoding", FIELD_FORBIDDEN},
		{"expect", FIELD_FORBIDDEN},
		{"upgrade", FIELD_FORBIDDEN},
		{"content-encoding", FIELD_FORBIDDEN},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (text_is(name, fields[i].name)) {
			return fields[i].field;
		}
	}
	return 0;
}

static bool use_field(unsigned field, pdb_slice value, wire_head *out)
{
	uint64_t number = 0;

	switch (field) {
	case FIELD_LENGTH:
		if (!number_of(value, &number) || number > WIRE_BODY_MAX) {
			return false;
		}
		out->body = (size_t)number;
		return true;
	case FIELD_CONNECTION:
		out->close = text_is(value, "close");
		return out->close || text_is(value, "keep-alive");
	case FIELD_TIME:
		if (!number_of(value, &number)) {
			return false;
		}
		out->time = (int64_t)number;
		return true;
	case FIELD_NONCE:
		return copy_hex(value, out->nonce, WIRE_NONCE);
	case FIELD_MAC:
		return copy_hex(value, out->mac, WIRE_MAC);
	case FIELD_TOKEN:
		return copy_name(value, out->token);
	case FIELD_TYPE:
		return text_is(value, TYPE);
	case FIELD_FORBIDDEN:
		return false;
	default:
		return true;
	}
}

/* "Name: value", with one space, and nothing but printable characters. */
static bool read_field(pdb_slice line, wire_head *out, unsigned *seen)
{
	const uint8_t *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
	pdb_slice name;
	pdb_slice value;
	unsigned field;

	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] < ' ' || line.ptr[i] >= 0x7f) {
			return false;
		}
	}
	if (colon == NULL || colon == line.ptr || colon[-1] == ' ' || line.ptr[0] == ' ') {
		return false;
	}
	name = pdb_slice_of(line.ptr, (size_t)(colon - line.ptr));
	value = pdb_slice_skip(line, name.len + 1);
	if (value.len == 0 || value.ptr[0] != ' ') {
		return false;
	}
	value = pdb_slice_skip(value, 1);
	field = field_of(name);
	if ((*seen & field) != 0) {
		return false;
	}
	*seen |= field;
	return use_field(field, value, out);
}

static wire_verdict read_lines(pdb_slice *left, wire_head *out)
{
	const unsigned proof = FIELD_TIME | FIELD_NONCE | FIELD_MAC;
	pdb_slice line;
	unsigned seen = 0;

	if (!next_line(left, &line)) {
		return WIRE_MORE;
	}
	if (!(pdb_slice_starts(line, PDB_SLICE("HTTP/")) ? read_status_line(line, out)
							 : read_request_line(line, out))) {
		return WIRE_BAD;
	}
	while (next_line(left, &line)) {
		if (line.len == 0) {
			out->proven = (seen & proof) == proof;
			return (seen & FIELD_LENGTH) != 0 ? WIRE_DONE : WIRE_BAD;
		}
		if (!read_field(line, out, &seen)) {
			return WIRE_BAD;
		}
	}
	return WIRE_MORE;
}

wire_verdict wire_head_read(pdb_slice bytes, wire_head *out, size_t *used_out)
{
	pdb_slice left = bytes;
	wire_verdict verdict;

	*out = (wire_head){0};
	*used_out = 0;
	if (left.len > WIRE_HEAD_MAX) {
		left.len = WIRE_HEAD_MAX;
	}
	verdict = read_lines(&left, out);
	if (verdict == WIRE_MORE && bytes.len >= WIRE_HEAD_MAX) {
		verdict = WIRE_BAD;
	}
	if (verdict == WIRE_DONE) {
		size_t seen = bytes.len < WIRE_HEAD_MAX ? bytes.len : WIRE_HEAD_MAX;

		*used_out = seen - left.len;
	}
	return verdict;
}

size_t wire_head_write(const wire_head *head, char out[WIRE_HEAD_MAX])
{
	int len;

	if (head->request) {
		len = snprintf(out, WIRE_HEAD_MAX,
			       "POST " PATH_START "%s HTTP/1.1\r\nHost: kms\r\n",
			       wire_op_name(head->op));
	} else {
		len = snprintf(out, WIRE_HEAD_MAX, "HTTP/1.1 %u %s\r\n", head->status,
			       head->status == 200 ? "OK" : "Refused");
	}
	len += snprintf(out + len, WIRE_HEAD_MAX - (size_t)len,
			"Content-Type: " TYPE "\r\nContent-Length: %zu\r\n", head->body);
	if (head->close) {
		len += snprintf(out + len, WIRE_HEAD_MAX - (size_t)len, "Connection: close\r\n");
	}
	if (head->proven) {
		len += snprintf(out + len, WIRE_HEAD_MAX - (size_t)len,
				"X-KMS-Time: %lld\r\nX-KMS-Nonce: %s\r\nX-KMS-MAC: %s\r\n",
				(long long)head->time, head->nonce, head->mac);
	}
	if (head->proven && head->token[0] != '\0') {
		len += snprintf(out + len, WIRE_HEAD_MAX - (size_t)len, "X-KMS-Token: %s\r\n",
				head->token);
	}
	len += snprintf(out + len, WIRE_HEAD_MAX - (size_t)len, "\r\n");
	return (size_t)len;
}
