/* SPDX-License-Identifier: Apache-2.0 */
/* One message as a line of NDJSON. */
#include "tools/ndjson.h"

#include <sodium.h>

#include "base/text.h"

/* Reads a string value that must be an id. */
static pdb_status read_id(const char *name, pdb_slice value, char out[PDB_ID_MAX + 1], pdb_err *err)
{
	size_t len = 0;

	/* An escape takes six bytes at most for one of an id. */
	if (pdb_json_type_of(value) == PDB_JSON_STRING && value.len <= 6 * PDB_ID_MAX + 2) {
		char text[6 * PDB_ID_MAX + 2];

		len = pdb_json_unescape(value, text);
		if (len <= PDB_ID_MAX && pdb_id_valid(pdb_slice_of(text, len))) {
			memcpy(out, text, len);
			out[len] = '\0';
			return PDB_OK;
		}
	}
	return pdb_err_set(err, PDB_EINVAL, NULL,
			   "\"%s\" must be an id: up to %u of A-Z a-z 0-9 . _ ~ @ + -", name,
			   PDB_ID_MAX);
}

static pdb_status read_member(pdb_line *line, pdb_slice key, pdb_slice value, pdb_err *err)
{
	static const struct {
		const char *name;
		size_t offset;
	} kept[] = {
		{"author", offsetof(pdb_line, author)},
		{"role", offsetof(pdb_line, role)},
		{"ts", offsetof(pdb_line, ts)},
		{"body", offsetof(pdb_line, body)},
		{"reply_to", offsetof(pdb_line, reply_to)},
	};

	if (pdb_json_key_is(key, "thread")) {
		return read_id("thread", value, line->thread, err);
	}
	if (pdb_json_key_is(key, "id")) {
		return read_id("id", value, line->id, err);
	}
	if (pdb_json_key_is(key, "deleted")) {
		line->deleted = pdb_json_type_of(value) == PDB_JSON_TRUE;
		return PDB_OK;
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (pdb_json_key_is(key, kept[i].name) &&
		    pdb_json_type_of(value) != PDB_JSON_NULL) {
			memcpy((char *)line + kept[i].offset, &value, sizeof(value));
		}
	}
	return PDB_OK;
}

pdb_status pdb_line_read(pdb_line *line, pdb_slice text, pdb_err *err)
{
	pdb_slice object;
	pdb_slice key;
	pdb_slice value;
	size_t cursor = 0;
	pdb_status status;

	*line = (pdb_line){0};
	status = pdb_json_check_within(text, PDB_JSON_DEPTH_MAX + 1, PDB_JSON_NODES_MAX, &object,
				       err);
	if (status == PDB_OK && pdb_json_type_of(object) != PDB_JSON_OBJECT) {
		status = pdb_err_set(err, PDB_EINVAL, NULL, "a line must be one JSON object");
	}
	while (status == PDB_OK && pdb_json_next(object, &cursor, &key, &value)) {
		status = read_member(line, key, value, err);
	}
	if (status == PDB_OK && line->thread[0] == '\0') {
		status = pdb_err_set(err, PDB_EINVAL, NULL, "\"thread\" is missing");
	}
	if (status == PDB_OK && line->body.len == 0 && !line->deleted) {
		status = pdb_err_set(err, PDB_EINVAL, NULL, "\"body\" is missing or null");
	}
	return status;
}

void pdb_line_derive_id(pdb_line *line, uint64_t ordinal, pdb_slice text)
{
	crypto_generichash_state state;
	uint8_t digest[crypto_generichash_BYTES_MIN];
	char hex[2 * sizeof(digest) + 1];

	/* The NUL of the thread keeps it apart from what follows. */
	(void)crypto_generichash_init(&state, NULL, 0, sizeof(digest));
	(void)crypto_generichash_update(&state, (const uint8_t *)line->thread,
					strlen(line->thread) + 1);
	(void)crypto_generichash_update(&state, (const uint8_t *)&ordinal, sizeof(ordinal));
	(void)crypto_generichash_update(&state, text.ptr, text.len);
	(void)crypto_generichash_final(&state, digest, sizeof(digest));
	pdb_hex_encode(hex, pdb_slice_of(digest, sizeof(digest)));
	(void)snprintf(line->id, sizeof(line->id), "imp-%.16s", hex);
}

static void write_value(pdb_buf *out, const char *name, pdb_slice value)
{
	if (value.len > 0) {
		pdb_json_add_key(out, name);
		pdb_buf_add_slice(out, value);
	}
}

void pdb_line_write(const pdb_line *line, pdb_buf *out)
{
	pdb_buf_add_byte(out, '{');
	pdb_json_add_key(out, "id");
	pdb_json_add_string(out, pdb_slice_text(line->id));
	write_value(out, "author", line->author);
	write_value(out, "role", line->role);
	write_value(out, "ts", line->ts);
	write_value(out, "reply_to", line->reply_to);
	write_value(out, "body", line->body);
	pdb_buf_add_byte(out, '}');
}
