/* SPDX-License-Identifier: Apache-2.0 */
/* The spelling of a line: logfmt, JSON, or an entry of journald. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log_private.h"
#include "base/text.h"

#define END_MAX 8u /* what closes a line must always find room */

/* What is left of a line that is too long ends where the next piece would not fit whole. */
typedef struct line_end {
	char *out;
	size_t at;
	bool full;
} line_end;

static void add(line_end *to, const char *bytes, size_t len)
{
	to->full = to->full || to->at + len > PDB__LOG_LINE_MAX - END_MAX;
	if (!to->full) {
		memcpy(to->out + to->at, bytes, len);
		to->at += len;
	}
}

static void add_text(line_end *to, const char *text)
{
	add(to, text, strlen(text));
}

/* Closes what was opened, even when the line is full. */
static void close_with(line_end *to, const char *text)
{
	size_t len = strlen(text);

	if (to->at + len <= PDB__LOG_LINE_MAX) {
		memcpy(to->out + to->at, text, len);
		to->at += len;
	}
}

static void add_time(line_end *to, int64_t now)
{
	time_t seconds = (time_t)(now / PDB_NS_PER_SECOND);
	struct tm utc = {0};
	char text[48];
	size_t used;

	(void)gmtime_r(&seconds, &utc);
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(text + used, sizeof(text) - used, ".%06dZ",
		       (int)(now % PDB_NS_PER_SECOND / 1000));
	add_text(to, text);
}

/* -- escapes ----------------------------------------------------------------------------------- */

typedef void (*escape_fn)(line_end *to, unsigned char byte);

static void hex_escape(line_end *to, const char *before, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	char text[8];

	(void)snprintf(text, sizeof(text), "%s%c%c", before, hex[byte >> 4], hex[byte & 15]);
	add_text(to, text);
}

static void quoted_byte(line_end *to, unsigned char byte)
{
	char pair[2] = {'\\', (char)byte};

	if (byte == '"' || byte == '\\') {
		add(to, pair, 2);
	} else if (byte < 0x20 || byte == 0x7f) {
		hex_escape(to, "\\x", byte);
	} else {
		add(to, (const char *)&byte, 1);
	}
}

static void json_byte(line_end *to, unsigned char byte)
{
	if (byte < 0x20 || byte == 0x7f) {
		hex_escape(to, "\\u00", byte);
	} else {
		quoted_byte(to, byte);
	}
}

static void journal_byte(line_end *to, unsigned char byte)
{
	if (byte < 0x20 || byte == 0x7f) {
		hex_escape(to, "\\x", byte);
	} else {
		add(to, (const char *)&byte, 1);
	}
}

/* Bytes of a character that is cut off at the end go with it. */
static size_t whole_characters(const char *out, size_t start, size_t end)
{
	size_t at = end;

	while (at > start && end - at < 4 && ((unsigned char)out[at - 1] & 0xc0) == 0x80) {
		at--;
	}
	if (at > start && ((unsigned char)out[at - 1] & 0xc0) == 0xc0) {
		at--;
	}
	return pdb_utf8_valid(pdb_slice_of(out + at, end - at)) ? end : at;
}

/* A text that is no UTF-8 has all its high bytes escaped: JSON must not hold one. */
static void add_escaped(line_end *to, pdb_slice text, escape_fn escape)
{
	bool valid = pdb_utf8_valid(text);
	size_t start = to->at;

	for (size_t i = 0; i < text.len; i++) {
		if (!valid && text.ptr[i] >= 0x80) {
			hex_escape(to, escape == json_byte ? "\\u00" : "\\x", text.ptr[i]);
		} else {
			escape(to, text.ptr[i]);
		}
	}
	if (to->full && valid) {
		to->at = whole_characters(to->out, start, to->at);
	}
}

/* -- logfmt ------------------------------------------------------------------------------------ */

static bool needs_quotes(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] == '"' || text.ptr[i] == '=' ||
		    text.ptr[i] == '\\' || text.ptr[i] >= 0x7f) {
			return true;
		}
	}
	return text.len == 0;
}

static void logfmt_field(line_end *to, const pdb_log_field *field)
{
	if (to->full) {
		return;
	}
	add_text(to, " ");
	add_text(to, field->name);
	add_text(to, "=");
	if (field->number || !needs_quotes(field->text)) {
		add(to, (const char *)field->text.ptr, field->text.len);
	} else {
		add_text(to, "\"");
		add_escaped(to, field->text, quoted_byte);
		close_with(to, "\"");
	}
}

size_t pdb__log_logfmt(const pdb__log_line *line, char *out)
{
	line_end to = {.out = out};

	add_text(&to, "ts=");
	add_time(&to, line->now);
	add_text(&to, " level=");
	add_text(&to, pdb__log_level_names[line->level]);
	add_text(&to, " component=");
	add_text(&to, line->component);
	if (line->request[0] != '\0') {
		add_text(&to, " request=");
		add_text(&to, line->request);
	}
	add_text(&to, " msg=\"");
	add_escaped(&to, pdb_slice_text(line->message), quoted_byte);
	close_with(&to, "\"");
	for (size_t i = 0; i < line->field_count; i++) {
		logfmt_field(&to, &line->fields[i]);
	}
	close_with(&to, "\n");
	return to.at;
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void json_member(line_end *to, const char *name, pdb_slice text, bool number)
{
	if (to->full) {
		return;
	}
	add_text(to, ",\"");
	add_text(to, name);
	if (number) {
		add_text(to, "\":");
		add(to, (const char *)text.ptr, text.len);
	} else {
		add_text(to, "\":\"");
		add_escaped(to, text, json_byte);
		close_with(to, "\"");
	}
}

size_t pdb__log_json(const pdb__log_line *line, char *out)
{
	line_end to = {.out = out};

	add_text(&to, "{\"ts\":\"");
	add_time(&to, line->now);
	add_text(&to, "\"");
	json_member(&to, "level", pdb_slice_text(pdb__log_level_names[line->level]), false);
	json_member(&to, "component", pdb_slice_text(line->component), false);
	if (line->request[0] != '\0') {
		json_member(&to, "request", pdb_slice_text(line->request), false);
	}
	json_member(&to, "msg", pdb_slice_text(line->message), false);
	for (size_t i = 0; i < line->field_count; i++) {
		/* A member that does not fit is left out as a whole. */
		size_t start = to.at;

		json_member(&to, line->fields[i].name, line->fields[i].text,
			    line->fields[i].number);
		to.at = to.full ? start : to.at;
	}
	close_with(&to, "}\n");
	return to.at;
}

/* -- journald ---------------------------------------------------------------------------------- */

static void journal_field(line_end *to, const char *prefix, const char *name, pdb_slice text)
{
	size_t start = to->at;

	add_text(to, prefix);
	for (; *name != '\0'; name++) {
		char upper = (char)(*name >= 'a' && *name <= 'z' ? *name - ('a' - 'A') : *name);

		add(to, &upper, 1);
	}
	add_text(to, "=");
	add_escaped(to, text, journal_byte);
	close_with(to, "\n");
	if (to->full && prefix[0] != '\0') {
		to->at = start;
	}
}

size_t pdb__log_journal(const pdb__log_line *line, char *out)
{
	/* syslog(3): err, warning, info, debug */
	static const char *const priorities[] = {"3", "4", "6", "7"};
	line_end to = {.out = out};

	journal_field(&to, "", "PRIORITY", pdb_slice_text(priorities[line->level]));
	journal_field(&to, "", "SYSLOG_IDENTIFIER", PDB_SLICE("progressdb"));
	journal_field(&to, "PDB_", "component", pdb_slice_text(line->component));
	if (line->request[0] != '\0') {
		journal_field(&to, "PDB_", "request", pdb_slice_text(line->request));
	}
	journal_field(&to, "", "MESSAGE", pdb_slice_text(line->message));
	for (size_t i = 0; i < line->field_count; i++) {
		journal_field(&to, "PDB_", line->fields[i].name, line->fields[i].text);
	}
	return to.at;
}
