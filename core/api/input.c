/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies: judged once, then read by table, with values as slices of the body. */
#include "api/api_private.h"
#include "base/json.h"
#include "base/text.h"

#define IDEMPOTENCY_KEY_MAX 255u

static size_t find_byte(pdb_slice text, uint8_t byte)
{
	const uint8_t *found = text.len > 0 ? memchr(text.ptr, byte, text.len) : NULL;

	return found != NULL ? (size_t)(found - text.ptr) : text.len;
}

/* "application/json", alone or with charset=utf-8. */
static bool is_json_type(pdb_slice type)
{
	size_t end = find_byte(type, ';');
	pdb_slice parameter = pdb_slice_trim(pdb_slice_skip(type, end + 1));

	if (!pdb_text_equal_nocase(pdb_slice_trim(pdb_slice_of(type.ptr, end)),
				   PDB_SLICE("application/json"))) {
		return false;
	}
	return parameter.len == 0 || pdb_text_equal_nocase(parameter, PDB_SLICE("charset=utf-8")) ||
	       pdb_text_equal_nocase(parameter, PDB_SLICE("charset=\"utf-8\""));
}

pdb_status pdb__input_object(pdb__call *call, bool required, pdb_slice *object_out)
{
	pdb_slice body = pdb_request_body(call->request);
	pdb_slice type = {0};
	pdb_status status;

	*object_out = PDB_SLICE("{}");
	if (body.len == 0) {
		return !required ? PDB_OK
				 : pdb_err_set(call->err, PDB_EINVAL, "body_required",
					       "The request needs a JSON body.");
	}
	if (pdb_request_header(call->request, "Content-Type", &type) && !is_json_type(type)) {
		return pdb_err_set(call->err, PDB_EMEDIA, NULL,
				   "The body must be application/json in UTF-8.");
	}
	status = pdb_json_check(body, object_out, call->err);
	if (status == PDB_OK && pdb_json_type_of(*object_out) != PDB_JSON_OBJECT) {
		return pdb_err_set(call->err, PDB_EINVAL, "invalid_type",
				   "The body must be a JSON object.");
	}
	return status;
}

/* A member on its way into a field. */
typedef struct member {
	pdb__call *call;
	const char *at;
	const pdb__field *field;
	pdb_slice value;
} member;

static pdb_status wrong_type(const member *m, const char *wanted)
{
	(void)pdb_err_set(m->call->err, PDB_EINVAL, "invalid_type", "%s must be %s.",
			  m->field->name, wanted);
	return pdb_err_at(m->call->err, "%s/%s", m->at, m->field->name);
}

/* Without an escape in it a string needs no copy. */
static pdb_status decode_text(const member *m, pdb_slice value, pdb_slice *out)
{
	pdb_slice inner = pdb_slice_of(value.ptr + 1, value.len - 2);
	char *copy;

	*out = inner;
	if (find_byte(inner, '\\') == inner.len) {
		return PDB_OK;
	}
	copy = pdb_request_alloc(m->call->request, value.len);
	if (copy == NULL) {
		return pdb_err_set(m->call->err, PDB_ENOMEM, NULL, "no memory for a field");
	}
	*out = pdb_slice_of(copy, pdb_json_unescape(value, copy));
	return PDB_OK;
}

static pdb_status read_text(const member *m, void *target)
{
	if (pdb_json_type_of(m->value) != PDB_JSON_STRING) {
		return wrong_type(m, "a string");
	}
	return decode_text(m, m->value, target);
}

static pdb_status count_texts(const member *m, size_t *count_out)
{
	pdb_slice key;
	pdb_slice element;
	size_t cursor = 0;

	if (pdb_json_type_of(m->value) != PDB_JSON_ARRAY) {
		return wrong_type(m, "an array of strings");
	}
	*count_out = 0;
	while (pdb_json_next(m->value, &cursor, &key, &element)) {
		if (pdb_json_type_of(element) != PDB_JSON_STRING) {
			(void)wrong_type(m, "an array of strings");
			return pdb_err_at(m->call->err, "%s/%s/%zu", m->at, m->field->name,
					  *count_out);
		}
		(*count_out)++;
	}
	return PDB_OK;
}

static pdb_status read_texts(const member *m, pdb__texts *out)
{
	pdb_slice *items;
	pdb_slice key;
	pdb_slice element;
	size_t cursor = 0;
	size_t count = 0;
	pdb_status status = count_texts(m, &count);

	if (status != PDB_OK) {
		return status;
	}
	/* an empty list is not an absent one */
	items = pdb_request_alloc(m->call->request, (count + 1) * sizeof(*items));
	if (items == NULL) {
		return pdb_err_set(m->call->err, PDB_ENOMEM, NULL, "no memory for a list");
	}
	for (size_t i = 0; i < count && pdb_json_next(m->value, &cursor, &key, &element); i++) {
		status = decode_text(m, element, &items[i]);
		if (status != PDB_OK) {
			return status;
		}
	}
	out->items = items;
	out->count = count;
	return PDB_OK;
}

static pdb_status read_version(const member *m, uint32_t *out)
{
	int64_t number = 0;

	if (!pdb_json_to_int(m->value, &number) || number < 1 || number > UINT32_MAX) {
		return wrong_type(m, "a positive integer");
	}
	*out = (uint32_t)number;
	return PDB_OK;
}

static pdb_status read_span(const member *m, pdb_json_type type, const char *wanted, pdb_slice *out)
{
	if (pdb_json_type_of(m->value) != type) {
		return wrong_type(m, wanted);
	}
	*out = m->value;
	return PDB_OK;
}

static pdb_status read_member(const member *m, void *target)
{
	switch (m->field->kind) {
	case PDB__TEXT:
		return read_text(m, target);
	case PDB__TEXTS:
		return read_texts(m, target);
	case PDB__OBJECT:
		return read_span(m, PDB_JSON_OBJECT, "an object", target);
	case PDB__ARRAY:
		return read_span(m, PDB_JSON_ARRAY, "an array", target);
	case PDB__TIME:
		return pdb_json_to_int(m->value, target) ? PDB_OK : wrong_type(m, "an integer");
	case PDB__VERSION:
		return read_version(m, target);
	case PDB__JSON:
		break;
	}
	memcpy(target, &m->value, sizeof(m->value));
	return PDB_OK;
}

static const pdb__field *find_field(const pdb__shape *shape, pdb_slice key)
{
	for (size_t i = 0; i < shape->count; i++) {
		if (pdb_json_key_is(key, shape->fields[i].name)) {
			return &shape->fields[i];
		}
	}
	return NULL;
}

pdb_status pdb__input_read(pdb__call *call, pdb_slice object, const char *at,
			   const pdb__shape *shape, void *target)
{
	member m = {.call = call, .at = at};
	pdb_slice key;
	size_t cursor = 0;

	while (pdb_json_next(object, &cursor, &key, &m.value)) {
		pdb_status status = PDB_OK;

		m.field = find_field(shape, key);
		if (m.field == NULL) {
			continue;
		}
		if (pdb_json_type_of(m.value) != PDB_JSON_NULL) {
			status = read_member(&m, (uint8_t *)target + m.field->offset);
		} else if (m.field->kind == PDB__JSON) {
			status = wrong_type(&m, "a JSON value other than null");
		}
		if (status != PDB_OK) {
			return status;
		}
	}
	return PDB_OK;
}

pdb_status pdb__input_idempotency_key(pdb__call *call, pdb_slice *key_out)
{
	bool valid;

	*key_out = pdb_slice_of(NULL, 0);
	if (!pdb_request_header(call->request, "Idempotency-Key", key_out)) {
		return PDB_OK;
	}
	valid = key_out->len > 0 && key_out->len <= IDEMPOTENCY_KEY_MAX;
	for (size_t i = 0; valid && i < key_out->len; i++) {
		valid = key_out->ptr[i] > ' ' && key_out->ptr[i] <= '~';
	}
	if (!valid) {
		return pdb_err_set(call->err, PDB_EINVAL, "invalid_idempotency_key",
				   "Idempotency-Key is 1 to 255 visible ASCII characters.");
	}
	return PDB_OK;
}
