/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional requests (RFC 9110, section 13) over ETag = version. */
#include "api/api_private.h"
#include "base/text.h"

/* No message reaches this version: a tag that cannot match. */
#define VERSION_NONE UINT32_MAX

typedef struct tag {
	uint32_t version; /* VERSION_NONE for a tag of another making */
	bool weak;
} tag;

static pdb_slice skip_blanks(pdb_slice text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text = pdb_slice_skip(text, 1);
	}
	return text;
}

static uint32_t version_of(pdb_slice opaque)
{
	uint64_t number = 0;

	/* "07" is another tag than "7" */
	if (opaque.len > 1 && opaque.ptr[0] == '0') {
		return VERSION_NONE;
	}
	if (!pdb_text_to_uint(opaque, &number) || number >= VERSION_NONE) {
		return VERSION_NONE;
	}
	return (uint32_t)number;
}

static size_t opaque_length(pdb_slice text)
{
	size_t len = 0;

	while (len < text.len && text.ptr[len] != '"' && text.ptr[len] > ' ' &&
	       text.ptr[len] != 0x7f) {
		len++;
	}
	return len;
}

/* Takes one tag, with the comma behind it, off a list; false when it is malformed. */
static bool next_tag(pdb_slice *list, tag *out)
{
	pdb_slice rest = *list;
	size_t len;

	out->weak = pdb_slice_starts(rest, PDB_SLICE("W/"));
	rest = pdb_slice_skip(rest, out->weak ? 2 : 0);
	if (!pdb_slice_starts(rest, PDB_SLICE("\""))) {
		return false;
	}
	rest = pdb_slice_skip(rest, 1);
	len = opaque_length(rest);
	if (!pdb_slice_starts(pdb_slice_skip(rest, len), PDB_SLICE("\""))) {
		return false;
	}
	out->version = version_of(pdb_slice_of(rest.ptr, len));
	rest = skip_blanks(pdb_slice_skip(rest, len + 1));
	if (rest.len > 0) {
		if (rest.ptr[0] != ',') {
			return false;
		}
		rest = skip_blanks(pdb_slice_skip(rest, 1));
		if (rest.len == 0) {
			return false;
		}
	}
	*list = rest;
	return true;
}

typedef struct match {
	size_t count;
	uint32_t first;
	bool holds; /* the version asked for is among them */
} match;

/* Reads a whole list and looks for `version`; `weak` also counts weak tags. */
static bool read_list(pdb_slice list, uint32_t version, bool weak, match *out)
{
	tag next;

	memset(out, 0, sizeof(*out));
	list = skip_blanks(list);
	if (list.len == 0) {
		return false;
	}
	while (list.len > 0) {
		if (!next_tag(&list, &next)) {
			return false;
		}
		if (next.weak && !weak) {
			next.version = VERSION_NONE;
		}
		out->first = out->count == 0 ? next.version : out->first;
		out->holds = out->holds || (next.version == version && version != VERSION_NONE);
		out->count++;
	}
	return true;
}

/* Looks the message up, since one version out of several has to be named to the domain. */
static pdb_status settle_list(pdb__call *call, const pdb_message_ref *ref, pdb_slice list,
			      uint32_t *version_out)
{
	match found;
	pdb_status status = pdb_chat_message_get(call->chat, &call->caller, ref, true, call->out,
						 &call->outcome, call->err);

	pdb_buf_clear(call->out);
	if (status != PDB_OK) {
		return status;
	}
	(void)read_list(list, call->outcome.version, false, &found);
	*version_out = found.holds ? call->outcome.version : VERSION_NONE;
	memset(&call->outcome, 0, sizeof(call->outcome));
	return PDB_OK;
}

pdb_status pdb__precondition_version(pdb__call *call, const pdb_message_ref *ref,
				     uint32_t *version_out)
{
	pdb_slice list = {0};
	match found;

	*version_out = 0;
	if (!pdb_request_header(call->request, "If-Match", &list) || pdb_slice_is(list, "*")) {
		return PDB_OK;
	}
	if (!read_list(list, VERSION_NONE, false, &found)) {
		return pdb_err_set(call->err, PDB_EINVAL, "invalid_if_match",
				   "If-Match must be \"*\" or a list of quoted versions.");
	}
	if (found.count > 1) {
		return settle_list(call, ref, list, version_out);
	}
	*version_out = found.first == 0 ? VERSION_NONE : found.first;
	return PDB_OK;
}

bool pdb__precondition_unchanged(const pdb__call *call, uint32_t version)
{
	pdb_slice list = {0};
	match found;

	if (pdb_request_method(call->request) != PDB_METHOD_GET &&
	    pdb_request_method(call->request) != PDB_METHOD_HEAD) {
		return false;
	}
	if (!pdb_request_header(call->request, "If-None-Match", &list)) {
		return false;
	}
	return pdb_slice_is(list, "*") || (read_list(list, version, true, &found) && found.holds);
}
