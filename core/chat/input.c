/* SPDX-License-Identifier: Apache-2.0 */
/* What callers may send: each value judged by one function, with a code and the field. */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"
#include "chat/chat_private.h"

#define ROLE_MAX      32u
#define FUTURE_MAX    (60 * PDB_NS_PER_SECOND)
#define SECONDS_BELOW INT64_C(100000000000)
#define MILLIS_BELOW  INT64_C(100000000000000)
#define MICROS_BELOW  INT64_C(100000000000000000)

pdb_status pdb__invalid(pdb_err *err, const char *code, const char *field, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)pdb_err_set(err, PDB_EINVAL, code, "%s", text);
	(void)pdb_err_at(err, "%s", field);
	return PDB_EINVAL;
}

pdb_status pdb__id_check(pdb_slice id, const char *field, pdb_err *err)
{
	if (pdb_id_valid(id)) {
		return PDB_OK;
	}
	return pdb__invalid(err, "invalid_id", field,
			    "An id is 1 to 128 of A-Z a-z 0-9 . _ ~ @ + - and begins with a "
			    "letter or digit.");
}

pdb_status pdb__author_check(pdb_slice author, const char *field, pdb_err *err)
{
	if (pdb_author_valid(author)) {
		return PDB_OK;
	}
	return pdb__invalid(err, "invalid_author", field,
			    "An author is 1 to 128 bytes of text without control characters.");
}

static bool role_char(uint8_t c, bool first)
{
	if (c >= 'a' && c <= 'z') {
		return true;
	}
	return !first && ((c >= '0' && c <= '9') || c == '_' || c == '-');
}

static bool role_valid(pdb_slice role)
{
	if (role.len == 0 || role.len > ROLE_MAX) {
		return false;
	}
	for (size_t i = 0; i < role.len; i++) {
		if (!role_char(role.ptr[i], i == 0)) {
			return false;
		}
	}
	return true;
}

pdb_status pdb__role_check(const pdb_chat *chat, const pdb_caller *caller, pdb_slice role,
			   const char *field, pdb_err *err)
{
	const pdb_option_list *allowed = &chat->settings.frontend_roles;

	if (!role_valid(role)) {
		return pdb__invalid(err, "invalid_role", field,
				    "A role is 1 to 32 of a-z 0-9 _ - and begins with a letter.");
	}
	if (caller->role == PDB_ROLE_ADMIN || caller->role == PDB_ROLE_BACKEND) {
		return PDB_OK;
	}
	for (size_t i = 0; i < allowed->count; i++) {
		if (pdb_slice_is(role, allowed->items[i])) {
			return PDB_OK;
		}
	}
	return pdb__invalid(err, "role_not_allowed", field, "The caller may not use this role.");
}

static bool has_control(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		/* U+0080 to U+009F are controls too: C2 80 to C2 9F. */
		if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f ||
		    (text.ptr[i] == 0xc2 && i + 1 < text.len && text.ptr[i + 1] < 0xa0)) {
			return true;
		}
	}
	return false;
}

pdb_status pdb__title_check(const pdb_chat *chat, pdb_slice title, pdb_err *err)
{
	if (title.len == 0) {
		return pdb__invalid(err, "invalid_title", "/title", "A title cannot be empty.");
	}
	if (!pdb_utf8_valid(title) || has_control(title)) {
		return pdb__invalid(err, "invalid_title", "/title",
				    "A title is text without control characters.");
	}
	if (pdb_utf8_length(title) > (size_t)chat->settings.title_max) {
		return pdb__invalid(err, "title_too_long", "/title",
				    "A title has at most %lld characters.",
				    (long long)chat->settings.title_max);
	}
	return PDB_OK;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

pdb_slice pdb__trim(pdb_slice json)
{
	while (json.len > 0 && is_space(json.ptr[0])) {
		json = pdb_slice_skip(json, 1);
	}
	while (json.len > 0 && is_space(json.ptr[json.len - 1])) {
		json.len--;
	}
	return json;
}

pdb_status pdb__attributes_check(const pdb_chat *chat, pdb_slice *attributes, pdb_err *err)
{
	*attributes = pdb__trim(*attributes);
	if (attributes->len < 2 || attributes->ptr[0] != '{') {
		return pdb__invalid(err, "invalid_attributes", "/attributes",
				    "Attributes are a JSON object.");
	}
	if (attributes->len > (size_t)chat->settings.attributes_max) {
		return pdb__invalid(err, "attributes_too_large", "/attributes",
				    "Attributes have at most %lld bytes.",
				    (long long)chat->settings.attributes_max);
	}
	return PDB_OK;
}

pdb_status pdb__body_check(pdb_slice *body, const char *field, pdb_err *err)
{
	if (body->ptr == NULL) {
		return pdb__invalid(err, "body_required", field, "A message needs a body.");
	}
	*body = pdb__trim(*body);
	if (body->len == 0 || pdb_json_type_of(*body) == PDB_JSON_NULL) {
		return pdb__invalid(err, "invalid_body", field,
				    "A body is any JSON value but null.");
	}
	if (body->len > PDB_VALUE_MAX - 64 * 1024) {
		return pdb_err_set(err, PDB_ETOOLARGE, "message_too_large",
				   "The message is too large.");
	}
	return PDB_OK;
}

pdb_status pdb__participants_check(const pdb_chat *chat, const pdb_thread_input *input,
				   pdb_slice author, pdb_buf *list, pdb_err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < input->participant_count; i++) {
		pdb_slice one = input->participants[i];
		char field[48];

		(void)snprintf(field, sizeof(field), "/participants/%zu", i);
		if (pdb__author_check(one, field, err) != PDB_OK) {
			return PDB_EINVAL;
		}
		if (pdb_slice_equal(one, author) || pdb__participant_in(pdb_buf_slice(list), one)) {
			continue;
		}
		if (count == (size_t)chat->settings.participants_max) {
			return pdb__invalid(err, "too_many_participants", "/participants",
					    "A thread has at most %lld participants.",
					    (long long)chat->settings.participants_max);
		}
		pdb__participant_add(list, one);
		count++;
	}
	return pdb_buf_status(list, err);
}

int64_t pdb__ts_scale(int64_t ts)
{
	if (ts < SECONDS_BELOW) {
		return ts <= INT64_MAX / PDB_NS_PER_SECOND ? ts * PDB_NS_PER_SECOND : INT64_MAX;
	}
	if (ts < MILLIS_BELOW) {
		return ts <= INT64_MAX / PDB_NS_PER_MS ? ts * PDB_NS_PER_MS : INT64_MAX;
	}
	return ts < MICROS_BELOW ? (ts <= INT64_MAX / 1000 ? ts * 1000 : INT64_MAX) : ts;
}

pdb_status pdb__ts_check(int64_t ts, const char *field, int64_t *ns_out, pdb_err *err)
{
	if (ts < 0) {
		return pdb__invalid(err, "invalid_ts", field, "A time cannot be negative.");
	}
	*ns_out = pdb__ts_scale(ts);
	if (*ns_out > pdb_clock_now() + FUTURE_MAX) {
		return pdb__invalid(err, "ts_in_future", field,
				    "The time is more than 60 seconds in the future.");
	}
	return PDB_OK;
}

pdb_status pdb__limit_check(const pdb_chat *chat, uint32_t *limit, pdb_err *err)
{
	if (*limit == 0) {
		*limit = (uint32_t)chat->settings.page_default;
	}
	if (*limit > (uint32_t)chat->settings.page_max) {
		return pdb__invalid(err, "invalid_limit", "/limit", "The limit is at most %lld.",
				    (long long)chat->settings.page_max);
	}
	return PDB_OK;
}

/* Letters and digits of ASCII stay; a run of anything else becomes one '-'. */
void pdb__slug_add(pdb_slice title, pdb_slice id, pdb_buf *out)
{
	bool gap = false;
	bool any = false;

	for (size_t i = 0; i < title.len; i++) {
		uint8_t c = title.ptr[i];

		if (c >= 'A' && c <= 'Z') {
			c = (uint8_t)(c + ('a' - 'A'));
		}
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
			gap = true;
			continue;
		}
		if (gap && any) {
			pdb_buf_add_byte(out, '-');
		}
		pdb_buf_add_byte(out, c);
		gap = false;
		any = true;
	}
	if (any) {
		pdb_buf_add_byte(out, '-');
	}
	pdb_buf_add_slice(out, id);
}
