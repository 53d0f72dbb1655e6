/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's judgement of fields by their meaning: Host, lengths, codings, duplicates. */
#include "base/text.h"
#include "http/guard_private.h"

/* Fields of which a second one is refused. The first four are looked at here. */
enum single {
	HOST,
	CONTENT_LENGTH,
	TRANSFER_ENCODING,
	EXPECT,
	SINGLES = 14
};

static const char *const singles[SINGLES] = {
	[HOST] = "host",
	[CONTENT_LENGTH] = "content-length",
	[TRANSFER_ENCODING] = "transfer-encoding",
	[EXPECT] = "expect",
	"authorization",
	"x-api-key",
	"x-user-id",
	"x-user-signature",
	"idempotency-key",
	"if-match",
	"if-none-match",
	"content-type",
	"origin",
	"access-control-request-method",
};

static bool seen(const pdb_guard *guard, enum single which)
{
	return (guard->single & (1u << which)) != 0;
}

/* The part of Host before the port: a name or IPv4 address, or an address in brackets. */
static size_t host_length(pdb_slice value)
{
	size_t i = 0;

	if (value.len > 0 && value.ptr[0] == '[') {
		i = 1;
		while (i < value.len && ((pdb__guard_class(value.ptr[i]) & IS_HEX) != 0 ||
					 value.ptr[i] == ':' || value.ptr[i] == '.')) {
			i++;
		}
		return i > 2 && i < value.len && value.ptr[i] == ']' ? i + 1 : 0;
	}
	while (i < value.len && (pdb__guard_class(value.ptr[i]) & IS_HOST) != 0) {
		i++;
	}
	return i;
}

static bool host_valid(pdb_slice value)
{
	size_t length = host_length(value);
	pdb_slice port = pdb_slice_skip(value, length);
	uint64_t number;

	if (length == 0) {
		return false;
	}
	if (port.len == 0) {
		return true;
	}
	if (port.ptr[0] != ':' || port.len > 6) {
		return false;
	}
	port = pdb_slice_skip(port, 1);
	return port.len == 0 || (pdb_text_to_uint(port, &number) && number <= 65535);
}

static void take_length(pdb_guard *guard, pdb_slice value)
{
	uint64_t length = 0;

	for (size_t i = 0; i < value.len; i++) {
		if ((pdb__guard_class(value.ptr[i]) & IS_DIGIT) == 0) {
			value.len = 0;
			break;
		}
		/* A longer number is far above any limit already; it must only not wrap. */
		if (length < UINT64_C(1000000000000000)) {
			length = length * 10 + (value.ptr[i] - (uint64_t)'0');
		}
	}
	if (value.len == 0) {
		pdb__guard_refuse(guard, 400, "bad_content_length",
				  "Content-Length is not a plain number.");
		return;
	}
	guard->has_length = true;
	guard->left = length;
}

/* Alone, "chunked" is the one coding there is. Others are refused as not supported when they are
 * at least well-formed and end in "chunked", and as invalid framing when they do not. */
static void take_coding(pdb_guard *guard, pdb_slice value)
{
	pdb_slice last = value;
	bool list = false;

	if (pdb_text_equal_nocase(value, PDB_SLICE("chunked"))) {
		guard->chunked = true;
		return;
	}
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == ',') {
			last = pdb_slice_skip(value, i + 1);
			list = true;
		}
	}
	while (last.len > 0 && (last.ptr[0] == ' ' || last.ptr[0] == '\t')) {
		last = pdb_slice_skip(last, 1);
	}
	if (list && pdb_text_equal_nocase(last, PDB_SLICE("chunked"))) {
		pdb__guard_refuse(guard, 501, "transfer_coding_unknown",
				  "The only transfer coding is \"chunked\".");
	} else {
		pdb__guard_refuse(guard, 400, "bad_transfer_encoding",
				  "Transfer-Encoding must be \"chunked\".");
	}
}

static void take_expect(pdb_guard *guard, pdb_slice value)
{
	if (guard->message->old) {
		return; /* RFC 9110, 10.1.1: not for HTTP/1.0 */
	}
	if (pdb_text_equal_nocase(value, PDB_SLICE("100-continue"))) {
		guard->continue_wanted = true;
	} else {
		pdb__guard_refuse(guard, 417, "expectation_failed",
				  "The only expectation is \"100-continue\".");
	}
}

static pdb_slice next_option(pdb_slice *list)
{
	size_t i = 0;
	pdb_slice option;

	while (i < list->len && list->ptr[i] != ',') {
		i++;
	}
	option = pdb_slice_of(list->ptr, i);
	*list = pdb_slice_skip(*list, i + 1);
	while (option.len > 0 && (option.ptr[0] == ' ' || option.ptr[0] == '\t')) {
		option = pdb_slice_skip(option, 1);
	}
	while (option.len > 0 &&
	       (option.ptr[option.len - 1] == ' ' || option.ptr[option.len - 1] == '\t')) {
		option.len--;
	}
	return option;
}

static void take_connection(pdb_guard *guard, pdb_slice value)
{
	bool close = false;

	while (value.len > 0) {
		pdb_slice option = next_option(&value);

		if (pdb_text_equal_nocase(option, PDB_SLICE("close"))) {
			close = true;
		} else if (guard->message->old &&
			   pdb_text_equal_nocase(option, PDB_SLICE("keep-alive"))) {
			guard->message->persistent = true;
		}
	}
	if (close) {
		guard->closes = true;
	}
}

static void take_single(pdb_guard *guard, enum single which, pdb_slice value)
{
	if (seen(guard, which)) {
		pdb__guard_refuse(guard, 400, "duplicate_header",
				  "A header field that must be single is there twice.");
		return;
	}
	guard->single |= 1u << which;
	if (which == HOST && !host_valid(value)) {
		pdb__guard_refuse(guard, 400, "bad_host", "The Host field is not valid.");
	} else if (which == CONTENT_LENGTH) {
		take_length(guard, value);
	} else if (which == TRANSFER_ENCODING) {
		take_coding(guard, value);
	} else if (which == EXPECT) {
		take_expect(guard, value);
	}
}

void pdb__guard_field(pdb_guard *guard, pdb_slice name, pdb_slice value)
{
	for (unsigned i = 0; i < SINGLES; i++) {
		if (pdb_text_equal_nocase(name, pdb_slice_text(singles[i]))) {
			take_single(guard, (enum single)i, value);
			return;
		}
	}
	if (pdb_text_equal_nocase(name, PDB_SLICE("connection"))) {
		take_connection(guard, value);
	}
}

static void begin_body(pdb_guard *guard)
{
	if (guard->chunked) {
		guard->left = 0;
		guard->digits = 0;
		pdb__guard_enter(guard, AT_CHUNK_SIZE, 0);
	} else if (guard->left > 0) {
		pdb__guard_enter(guard, AT_BODY, 0);
	} else {
		guard->continue_wanted = false;
		pdb__guard_enter(guard, AT_DONE, 0);
	}
}

void pdb__guard_framing(pdb_guard *guard)
{
	if (guard->closes) {
		guard->message->persistent = false;
	}
	if (!guard->message->old && !seen(guard, HOST)) {
		pdb__guard_refuse(guard, 400, "host_required", "The Host field is missing.");
	} else if (guard->chunked && guard->has_length) {
		pdb__guard_refuse(guard, 400, "ambiguous_length",
				  "There are both Content-Length and Transfer-Encoding.");
	} else if (guard->chunked && guard->message->old) {
		pdb__guard_refuse(guard, 400, "bad_transfer_encoding",
				  "HTTP/1.0 has no Transfer-Encoding.");
	} else if (guard->left > guard->limits->body_max) {
		pdb__guard_refuse(guard, 413, "payload_too_large",
				  "The request body is too large.");
	} else {
		begin_body(guard);
	}
}
