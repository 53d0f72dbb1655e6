/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's request line: method, target, version. */
#include "http/guard_private.h"

static const struct {
	const char *name;
	pdb_method method;
} methods[] = {
	{"GET", PDB_METHOD_GET},     {"HEAD", PDB_METHOD_HEAD},     {"POST", PDB_METHOD_POST},
	{"PUT", PDB_METHOD_PUT},     {"DELETE", PDB_METHOD_DELETE}, {"OPTIONS", PDB_METHOD_OPTIONS},
	{"PATCH", PDB_METHOD_PATCH},
};

static void refuse_line(pdb_guard *guard)
{
	pdb__guard_refuse(guard, 400, "bad_request_line", "The request line is not valid.");
}

static void refuse_target(pdb_guard *guard)
{
	pdb__guard_refuse(guard, 400, "bad_target", "The request target is not valid.");
}

static void step_start(pdb_guard *guard, uint8_t byte)
{
	if (byte == 0x16 || byte == 0x80) {
		/* A TLS hello on a plain port: no answer of ours would be understood. */
		pdb__guard_refuse(guard, 0, "not_http", "The bytes are not HTTP.");
	} else if ((pdb__guard_class(byte) & IS_TOKEN) == 0) {
		refuse_line(guard);
	} else {
		guard->mark = guard->at;
		pdb__guard_enter(guard, AT_METHOD, IS_TOKEN);
	}
}

static void know_method(pdb_guard *guard, pdb_slice name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (pdb_slice_is(name, methods[i].name)) {
			guard->message->method = methods[i].method;
			guard->mark = guard->at + 1;
			pdb__guard_enter(guard, AT_TARGET, 0);
			return;
		}
	}
	if (pdb_slice_is(name, "PRI")) {
		pdb__guard_refuse(guard, 0, "not_http", "This is the preface of HTTP/2.");
		return;
	}
	pdb__guard_refuse(guard, 501, "method_unknown", "The server does not know this method.");
}

static void step_method(pdb_guard *guard, uint8_t byte)
{
	pdb_slice name =
		pdb_message_span(guard->message, (pdb_span){guard->mark, guard->at - guard->mark});

	if (byte == ' ') {
		know_method(guard, name);
	} else {
		refuse_line(guard);
	}
}

static void begin_path(pdb_guard *guard)
{
	guard->message->path.at = guard->at;
	pdb__guard_enter(guard, AT_PATH, IS_PATH);
}

static void step_target(pdb_guard *guard, uint8_t byte)
{
	if (byte == '/') {
		begin_path(guard);
	} else if (byte == '*' && guard->message->method == PDB_METHOD_OPTIONS) {
		guard->message->asterisk = true;
		pdb__guard_enter(guard, AT_TARGET_END, 0);
	} else if ((byte | 0x20) == 'h') {
		guard->matched = 1;
		pdb__guard_enter(guard, AT_SCHEME, 0);
	} else {
		refuse_target(guard);
	}
}

/* "http://" or "https://", letter by letter: the 's' may be left out. */
static void step_scheme(pdb_guard *guard, uint8_t byte)
{
	static const char scheme[] = "https://";
	uint8_t lower = byte >= 'A' && byte <= 'Z' ? byte | 0x20u : byte;

	if (guard->matched == 4 && lower == ':') {
		guard->matched = 5;
	}
	if (lower != (uint8_t)scheme[guard->matched]) {
		refuse_target(guard);
		return;
	}
	guard->matched++;
	if (guard->matched == sizeof(scheme) - 1) {
		guard->digits = 0;
		pdb__guard_enter(guard, AT_HOST, 0);
	}
}

/* Behind the authority, or in the path: what may come next. */
static void leave_part(pdb_guard *guard, uint8_t byte)
{
	pdb_message *message = guard->message;

	if (byte == '/' && guard->state != AT_PATH) {
		begin_path(guard);
	} else if (byte == '?' && guard->state != AT_QUERY) {
		message->query.at = guard->at + 1;
		pdb__guard_enter(guard, AT_QUERY, IS_QUERY);
	} else if (byte == ' ') {
		guard->matched = 0;
		pdb__guard_enter(guard, AT_VERSION, 0);
	} else {
		refuse_target(guard);
	}
}

static void step_host(pdb_guard *guard, uint8_t byte)
{
	if ((pdb__guard_class(byte) & IS_HOST) != 0) {
		guard->digits++;
	} else if (guard->digits == 0) {
		refuse_target(guard);
	} else if (byte == ':') {
		guard->port = 0;
		guard->digits = 0;
		pdb__guard_enter(guard, AT_PORT, 0);
	} else {
		leave_part(guard, byte);
	}
}

static void step_port(pdb_guard *guard, uint8_t byte)
{
	if ((pdb__guard_class(byte) & IS_DIGIT) == 0) {
		leave_part(guard, byte);
		return;
	}
	guard->port = guard->port * 10 + (byte - (uint32_t)'0');
	if (++guard->digits > 5 || guard->port > 65535) {
		refuse_target(guard);
	}
}

static void step_path(pdb_guard *guard, uint8_t byte)
{
	pdb_message *message = guard->message;

	message->path.len = guard->at - message->path.at;
	if (byte == '%') {
		guard->after_percent = AT_PATH;
		pdb__guard_enter(guard, AT_PERCENT_HIGH, 0);
		return;
	}
	leave_part(guard, byte);
}

static void step_query(pdb_guard *guard, uint8_t byte)
{
	pdb_message *message = guard->message;

	message->query.len = guard->at - message->query.at;
	if (byte == '%') {
		guard->after_percent = AT_QUERY;
		pdb__guard_enter(guard, AT_PERCENT_HIGH, 0);
		return;
	}
	leave_part(guard, byte);
}

/* Both digits must be there, and they must not make a NUL, which no later reader could hold. */
static void step_percent(pdb_guard *guard, uint8_t byte)
{
	if ((pdb__guard_class(byte) & IS_HEX) == 0) {
		refuse_target(guard);
	} else if (guard->state == AT_PERCENT_HIGH) {
		guard->percent = (uint8_t)pdb__guard_hex(byte);
		pdb__guard_enter(guard, AT_PERCENT_LOW, 0);
	} else if (guard->percent == 0 && byte == '0') {
		refuse_target(guard);
	} else {
		pdb__guard_enter(guard, (pdb_guard_state)guard->after_percent,
				 guard->after_percent == AT_PATH ? IS_PATH : IS_QUERY);
	}
}

static void step_target_end(pdb_guard *guard, uint8_t byte)
{
	if (byte == ' ') {
		guard->matched = 0;
		pdb__guard_enter(guard, AT_VERSION, 0);
	} else {
		refuse_target(guard);
	}
}

/* "HTTP/", a digit, a point, a digit; only then is the number judged. */
static void step_version(pdb_guard *guard, uint8_t byte)
{
	static const char version[] = "HTTP/0.0";
	uint8_t i = guard->matched;

	if (i == sizeof(version) - 1) {
		if (byte == '\r') {
			pdb__guard_enter(guard, AT_LINE_LF, 0);
		} else {
			refuse_line(guard);
		}
		return;
	}
	if (version[i] == '0' ? (pdb__guard_class(byte) & IS_DIGIT) == 0
			      : byte != (uint8_t)version[i]) {
		refuse_line(guard);
		return;
	}
	guard->matched++;
	if ((i == 5 && byte != '1') || (i == 7 && byte > '1')) {
		pdb__guard_refuse(guard, 505, "version_not_supported",
				  "The server speaks HTTP/1.1 and HTTP/1.0.");
	} else if (i == 7) {
		guard->message->old = byte == '0';
		guard->message->persistent = byte == '1';
	}
}

static void step_line_lf(pdb_guard *guard, uint8_t byte)
{
	if (byte != '\n') {
		refuse_line(guard);
		return;
	}
	guard->fields_at = guard->at + 1;
	pdb__guard_enter(guard, AT_FIELD, 0);
}

void pdb__guard_line(pdb_guard *guard, uint8_t byte)
{
	static void (*const steps[])(pdb_guard *, uint8_t) = {
		[AT_START] = step_start,
		[AT_METHOD] = step_method,
		[AT_TARGET] = step_target,
		[AT_SCHEME] = step_scheme,
		[AT_HOST] = step_host,
		[AT_PORT] = step_port,
		[AT_PATH] = step_path,
		[AT_QUERY] = step_query,
		[AT_PERCENT_HIGH] = step_percent,
		[AT_PERCENT_LOW] = step_percent,
		[AT_TARGET_END] = step_target_end,
		[AT_VERSION] = step_version,
		[AT_LINE_LF] = step_line_lf,
	};

	steps[guard->state](guard, byte);
}
