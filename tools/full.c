/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a full export: what the server says of a thread, kept on one line each. */
#include "tools/full.h"

/* A line holds one body, as deep as the API lets it. */
#define LINE_DEPTH_MAX (PDB_JSON_DEPTH_MAX + 1)
#define TEXT_SUFFIX    "_text"

/* -- writing ---------------------------------------------------------------------------------- */

static bool has_line_end(pdb_slice text)
{
	return text.len > 0 && (memchr(text.ptr, '\n', text.len) != NULL ||
				memchr(text.ptr, '\r', text.len) != NULL);
}

static void add_key(pdb_buf *out, pdb_slice key, const char *suffix)
{
	if (!out->failed) {
		pdb_buf_add_text(out, out->data[out->len - 1] == '{' ? "\"" : ",\"");
	}
	pdb_buf_add_slice(out, key);
	pdb_buf_add_text(out, suffix);
	pdb_buf_add_text(out, "\":");
}

void pdb_full_write(pdb_slice object, pdb_buf *out)
{
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice value;

	if (!has_line_end(object)) {
		pdb_buf_add_slice(out, object);
		return;
	}
	pdb_buf_add_byte(out, '{');
	while (!out->failed && pdb_json_next(object, &cursor, &key, &value)) {
		if (has_line_end(value)) {
			add_key(out, key, TEXT_SUFFIX);
			pdb_json_add_string(out, value);
		} else {
			add_key(out, key, "");
			pdb_buf_add_slice(out, value);
		}
	}
	pdb_buf_add_byte(out, '}');
}

/* -- reading ---------------------------------------------------------------------------------- */

static pdb_status object_of(pdb_slice text, pdb_slice *out, pdb_err *err)
{
	pdb_status status = pdb_json_check_within(text, LINE_DEPTH_MAX, UINT32_MAX, out, err);

	if (status == PDB_OK && pdb_json_type_of(*out) != PDB_JSON_OBJECT) {
		status = pdb_err_set(err, PDB_EINVAL, NULL, "a line must be one JSON object");
	}
	return status;
}

static bool is_spelled(pdb_slice key, pdb_slice value)
{
	return pdb_json_type_of(value) == PDB_JSON_STRING &&
	       (pdb_slice_is(key, "body" TEXT_SUFFIX) ||
		pdb_slice_is(key, "attributes" TEXT_SUFFIX));
}

/* A member "body_text" becomes "body" with the bytes that it spells, which must be JSON. */
static pdb_status add_spelled(pdb_buf *out, pdb_slice key, pdb_slice value, pdb_err *err)
{
	pdb_slice span = {0};
	size_t start;
	pdb_status status;

	key.len -= strlen(TEXT_SUFFIX);
	add_key(out, key, "");
	start = out->len;
	if (pdb_buf_reserve(out, value.len)) {
		out->len += pdb_json_unescape(value, (char *)out->data + start);
	}
	status = pdb_buf_status(out, err);
	if (status == PDB_OK) {
		status = pdb_json_check(pdb_slice_of(out->data + start, out->len - start), &span,
					err);
	}
	if (status == PDB_OK) {
		memmove(out->data + start, span.ptr, span.len);
		out->len = start + span.len;
	}
	return status == PDB_EINVAL
		       ? pdb_err_wrap(err, "\"%.*s" TEXT_SUFFIX "\"", PDB_SLICE_ARGS(key))
		       : status;
}

static pdb_status add_members(pdb_buf *out, pdb_slice object, pdb_err *err)
{
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice value;
	bool spelled = false;
	pdb_status status = PDB_OK;

	pdb_buf_clear(out);
	pdb_buf_add_byte(out, '{');
	while (status == PDB_OK && pdb_json_next(object, &cursor, &key, &value)) {
		if (is_spelled(key, value)) {
			spelled = true;
			status = add_spelled(out, key, value, err);
		} else {
			add_key(out, key, "");
			pdb_buf_add_slice(out, value);
			status = pdb_buf_status(out, err);
		}
	}
	pdb_buf_add_byte(out, '}');
	if (status == PDB_OK) {
		status = pdb_buf_status(out, err);
	}
	/* what is spelled may stand there unspelled, too */
	return status == PDB_OK && spelled
		       ? pdb_json_check_within(pdb_buf_slice(out), LINE_DEPTH_MAX, UINT32_MAX, NULL,
					       err)
		       : status;
}

static bool id_of(pdb_slice object, const char *name, char out[PDB_ID_MAX + 1])
{
	char text[6 * PDB_ID_MAX + 2]; /* an escape takes six bytes at most */
	pdb_slice value;
	size_t len;

	if (!pdb_json_member(object, name, &value) || pdb_json_type_of(value) != PDB_JSON_STRING ||
	    value.len > sizeof(text)) {
		return false;
	}
	len = pdb_json_unescape(value, text);
	if (len > PDB_ID_MAX || !pdb_id_valid(pdb_slice_of(text, len))) {
		return false;
	}
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static pdb_status read_end(pdb_full_line *line, pdb_slice object, pdb_err *err)
{
	pdb_slice value;
	int64_t lines = -1;

	line->kind = PDB_FULL_END;
	if (!pdb_json_member(object, "lines", &value) || !pdb_json_to_int(value, &lines) ||
	    lines < 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the end does not say how many \"lines\"");
	}
	line->lines = (uint64_t)lines;
	return PDB_OK;
}

pdb_status pdb_full_read(pdb_full_line *line, pdb_slice text, pdb_err *err)
{
	pdb_slice object = {0};
	pdb_slice type = {0};
	bool thread;
	pdb_status status = object_of(text, &object, err);

	if (status != PDB_OK) {
		return status;
	}
	(void)pdb_json_member(object, "type", &type);
	if (pdb_slice_is(type, "\"end\"")) {
		return read_end(line, object, err);
	}
	thread = pdb_slice_is(type, "\"thread\"");
	if (!thread && !pdb_slice_is(type, "\"message\"")) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "\"type\" must be message, thread or end");
	}
	if (!id_of(object, thread ? "id" : "thread", line->thread)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" must be the id of a thread",
				   thread ? "id" : "thread");
	}
	line->kind = PDB_FULL_OF_THREAD;
	return add_members(&line->json, object, err);
}

pdb_status pdb_full_is_head(pdb_slice text, bool *is_out, pdb_err *err)
{
	pdb_slice object = {0};
	pdb_slice value = {0};
	int64_t version = 0;

	*is_out = pdb_json_check(text, &object, NULL) == PDB_OK &&
		  pdb_json_type_of(object) == PDB_JSON_OBJECT &&
		  pdb_json_member(object, "format", &value) &&
		  pdb_slice_is(value, "\"progressdb\"");
	if (!*is_out) {
		return PDB_OK;
	}
	if (!pdb_json_member(object, "version", &value) || !pdb_json_to_int(value, &version) ||
	    version != PDB_FULL_VERSION) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the file is of another version of the format: this program "
				   "reads version %u",
				   PDB_FULL_VERSION);
	}
	return PDB_OK;
}
