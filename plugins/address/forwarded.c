/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what proxies write, from the right. */
#include "forwarded.h"

#include <strings.h>

/* Where the last element begins. Commas between quotes belong to a value; a quote without its
 * partner takes all that is left of it with it, and the element is unreadable. */
static size_t last_begin(forwarded_kind kind, pdb_slice field)
{
	bool quoted = false;
	size_t at = field.len;

	while (at > 0) {
		uint8_t c = field.ptr[at - 1];

		if (kind == FORWARDED_PAIRS && c == '"') {
			quoted = !quoted;
		} else if (c == ',' && !quoted) {
			break;
		}
		at--;
	}
	return at;
}

bool forwarded_cut(forwarded_kind kind, pdb_slice *field, pdb_slice *element_out)
{
	while (field->len > 0) {
		size_t begin = last_begin(kind, *field);

		*element_out = pdb_slice_trim(pdb_slice_skip(*field, begin));
		field->len = begin > 0 ? begin - 1 : 0;
		if (element_out->len > 0) {
			return true;
		}
	}
	return false;
}

/* A number, or a name that hides it (RFC 7239, 6.3). */
static bool port_valid(pdb_slice port)
{
	bool hidden = port.len > 1 && port.ptr[0] == '_';
	unsigned number = 0;

	for (size_t i = hidden ? 1 : 0; i < port.len; i++) {
		uint8_t c = port.ptr[i];
		bool digit = c >= '0' && c <= '9';
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
			      c == '_' || c == '-';

		if (!digit && !(hidden && letter)) {
			return false;
		}
		number = number * 10 + (digit && !hidden ? (unsigned)(c - '0') : 0);
	}
	return hidden || (port.len > 0 && port.len <= 5 && number <= 65535);
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
static bool read_node(pdb_slice node, pdb_address *out)
{
	pdb_slice host = node;
	pdb_slice rest = {0};
	bool bracketed = node.len > 0 && node.ptr[0] == '[';
	const uint8_t *first =
		node.len > 0 ? memchr(node.ptr, bracketed ? ']' : ':', node.len) : NULL;

	if (bracketed) {
		if (first == NULL) {
			return false;
		}
		host = pdb_slice_of(node.ptr + 1, (size_t)(first - node.ptr) - 1);
		rest = pdb_slice_skip(node, host.len + 2);
	} else if (first != NULL &&
		   memchr(first + 1, ':', (size_t)(node.ptr + node.len - first) - 1) == NULL) {
		host.len = (size_t)(first - node.ptr);
		rest = pdb_slice_skip(node, host.len);
	}
	if (rest.len > 0 && (rest.ptr[0] != ':' || !port_valid(pdb_slice_skip(rest, 1)))) {
		return false;
	}
	if (!pdb_address_parse(out, host) || (bracketed && out->family != AF_INET6)) {
		return false;
	}
	pdb_address_unmap(out);
	return true;
}

/* What stands without quotes has nothing in it that separates. */
static bool is_bare(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || strchr("\",;=", text.ptr[i]) != NULL) {
			return false;
		}
	}
	return true;
}

/* Cuts "name=value" off; the value without its quotes. False for anything else. */
static bool next_pair(pdb_slice *element, pdb_slice *name_out, pdb_slice *value_out)
{
	pdb_slice pair = pdb_slice_trim(*element);
	const uint8_t *equals = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;
	const uint8_t *end;
	size_t len;

	if (equals == NULL) {
		return false;
	}
	*name_out = pdb_slice_of(pair.ptr, (size_t)(equals - pair.ptr));
	*value_out = pdb_slice_skip(pair, name_out->len + 1);
	if (value_out->len > 0 && value_out->ptr[0] == '"') {
		*value_out = pdb_slice_skip(*value_out, 1);
		end = value_out->len > 0 ? memchr(value_out->ptr, '"', value_out->len) : NULL;
		if (end == NULL) {
			return false;
		}
		len = (size_t)(end - value_out->ptr);
		pair = pdb_slice_trim(pdb_slice_skip(*value_out, len + 1));
	} else {
		end = value_out->len > 0 ? memchr(value_out->ptr, ';', value_out->len) : NULL;
		len = end != NULL ? (size_t)(end - value_out->ptr) : value_out->len;
		pair = pdb_slice_skip(*value_out, len);
		if (!is_bare(pdb_slice_trim(pdb_slice_of(value_out->ptr, len)))) {
			return false;
		}
	}
	value_out->len = len;
	*element = pdb_slice_skip(pair, 1);
	return is_bare(*name_out) && (pair.len == 0 || pair.ptr[0] == ';');
}

static bool read_pairs(pdb_slice element, pdb_address *out)
{
	bool found = false;
	pdb_slice name;
	pdb_slice value;

	/* Nothing that is an address needs escaping. */
	if (memchr(element.ptr, '\\', element.len) != NULL) {
		return false;
	}
	while (pdb_slice_trim(element).len > 0) {
		if (!next_pair(&element, &name, &value)) {
			return false;
		}
		if (name.len == 3 && strncasecmp((const char *)name.ptr, "for", 3) == 0) {
			if (found || !read_node(pdb_slice_trim(value), out)) {
				return false;
			}
			found = true;
		}
	}
	return found;
}

bool forwarded_address(forwarded_kind kind, pdb_slice element, pdb_address *out)
{
	if (element.len == 0) {
		return false;
	}
	return kind == FORWARDED_PAIRS ? read_pairs(element, out) : read_node(element, out);
}
