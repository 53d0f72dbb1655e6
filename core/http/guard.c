/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's frame: byte classes, limits, and the walk over the head. */
#include "http/guard.h"

#include "http/guard_private.h"

#define METHOD_MAX 16u

/* clang-format off */
#define T IS_TOKEN
#define V IS_VALUE
#define P IS_PATH
#define Q IS_QUERY
#define H IS_HEX
#define D IS_DIGIT
#define R IS_HOST
const uint8_t pdb__guard_classes[128] = {
	['\t'] = V, [' '] = V,
	['!'] = T|V|P|Q|R, ['"'] = V, ['#'] = T|V, ['$'] = T|V|P|Q|R, ['%'] = T|V,
	['&'] = T|V|P|Q|R, ['\''] = T|V|P|Q|R, ['('] = V|P|Q|R, [')'] = V|P|Q|R,
	['*'] = T|V|P|Q|R, ['+'] = T|V|P|Q|R, [','] = V|P|Q|R, ['-'] = T|V|P|Q|R,
	['.'] = T|V|P|Q|R, ['/'] = V|P|Q,
	['0'] = T|V|P|Q|H|D|R, ['1'] = T|V|P|Q|H|D|R, ['2'] = T|V|P|Q|H|D|R,
	['3'] = T|V|P|Q|H|D|R, ['4'] = T|V|P|Q|H|D|R, ['5'] = T|V|P|Q|H|D|R,
	['6'] = T|V|P|Q|H|D|R, ['7'] = T|V|P|Q|H|D|R, ['8'] = T|V|P|Q|H|D|R,
	['9'] = T|V|P|Q|H|D|R,
	[':'] = V|P|Q, [';'] = V|P|Q|R, ['<'] = V, ['='] = V|P|Q|R, ['>'] = V, ['?'] = V|Q,
	['@'] = V|P|Q,
	['A'] = T|V|P|Q|H|R, ['B'] = T|V|P|Q|H|R, ['C'] = T|V|P|Q|H|R, ['D'] = T|V|P|Q|H|R,
	['E'] = T|V|P|Q|H|R, ['F'] = T|V|P|Q|H|R, ['G'] = T|V|P|Q|R, ['H'] = T|V|P|Q|R,
	['I'] = T|V|P|Q|R, ['J'] = T|V|P|Q|R, ['K'] = T|V|P|Q|R, ['L'] = T|V|P|Q|R,
	['M'] = T|V|P|Q|R, ['N'] = T|V|P|Q|R, ['O'] = T|V|P|Q|R, ['P'] = T|V|P|Q|R,
	['Q'] = T|V|P|Q|R, ['R'] = T|V|P|Q|R, ['S'] = T|V|P|Q|R, ['T'] = T|V|P|Q|R,
	['U'] = T|V|P|Q|R, ['V'] = T|V|P|Q|R, ['W'] = T|V|P|Q|R, ['X'] = T|V|P|Q|R,
	['Y'] = T|V|P|Q|R, ['Z'] = T|V|P|Q|R,
	['['] = V, ['\\'] = V, [']'] = V, ['^'] = T|V, ['_'] = T|V|P|Q|R, ['`'] = T|V,
	['a'] = T|V|P|Q|H|R, ['b'] = T|V|P|Q|H|R, ['c'] = T|V|P|Q|H|R, ['d'] = T|V|P|Q|H|R,
	['e'] = T|V|P|Q|H|R, ['f'] = T|V|P|Q|H|R, ['g'] = T|V|P|Q|R, ['h'] = T|V|P|Q|R,
	['i'] = T|V|P|Q|R, ['j'] = T|V|P|Q|R, ['k'] = T|V|P|Q|R, ['l'] = T|V|P|Q|R,
	['m'] = T|V|P|Q|R, ['n'] = T|V|P|Q|R, ['o'] = T|V|P|Q|R, ['p'] = T|V|P|Q|R,
	['q'] = T|V|P|Q|R, ['r'] = T|V|P|Q|R, ['s'] = T|V|P|Q|R, ['t'] = T|V|P|Q|R,
	['u'] = T|V|P|Q|R, ['v'] = T|V|P|Q|R, ['w'] = T|V|P|Q|R, ['x'] = T|V|P|Q|R,
	['y'] = T|V|P|Q|R, ['z'] = T|V|P|Q|R,
	['{'] = V, ['|'] = T|V, ['}'] = V, ['~'] = T|V|P|Q|R,
};
#undef T
#undef V
#undef P
#undef Q
#undef H
#undef D
#undef R
/* clang-format on */

unsigned pdb__guard_hex(uint8_t digit)
{
	return digit <= '9' ? digit - (unsigned)'0' : (digit | 0x20u) - (unsigned)'a' + 10u;
}

void pdb__guard_refuse(pdb_guard *guard, int status, const char *code, const char *text)
{
	guard->refusal = (pdb_refusal){status, code, text};
	guard->state = AT_REFUSED;
	guard->pass = 0;
}

void pdb__guard_enter(pdb_guard *guard, pdb_guard_state state, uint8_t pass)
{
	guard->state = (uint8_t)state;
	guard->pass = pass;
}

void pdb_guard_begin(pdb_guard *guard, const pdb_guard_limits *limits, pdb_message *message)
{
	*guard = (pdb_guard){.limits = limits, .message = message, .state = AT_START};
}

/* Judged while the part grows, so that the verdict comes with the first byte too many. */
static void check_limits(pdb_guard *guard)
{
	const pdb_guard_limits *limits = guard->limits;

	if (guard->state == AT_METHOD) {
		if (guard->at - guard->mark > METHOD_MAX) {
			pdb__guard_refuse(guard, 501, "method_unknown",
					  "The server does not know this method.");
		}
	} else if (guard->state >= AT_TARGET && guard->state < AT_TARGET_END) {
		if (guard->at - guard->mark > limits->target_max) {
			pdb__guard_refuse(guard, 414, "target_too_long",
					  "The request target is too long.");
		}
	} else if (guard->state >= AT_FIELD && guard->state <= AT_END_LF) {
		if (guard->at - guard->fields_at > limits->header_max) {
			pdb__guard_refuse(guard, 431, "header_too_large",
					  "The header block is too large.");
		}
	}
}

static size_t pass_over(const pdb_guard *guard, pdb_slice bytes, size_t i)
{
	uint8_t pass = guard->pass;

	if (pass != 0) {
		while (i < bytes.len && (pdb__guard_class(bytes.ptr[i]) & pass) != 0) {
			i++;
		}
	}
	return i;
}

static size_t walk_head(pdb_guard *guard, pdb_slice bytes)
{
	pdb_buf *head = &guard->message->head;
	size_t base = head->len;
	size_t i = 0;

	pdb_buf_add_slice(head, bytes);
	if (head->failed) {
		pdb__guard_refuse(guard, 503, "overloaded",
				  "The server is short of memory; try again.");
		return 0;
	}
	while (guard->state <= AT_END_LF) {
		i = pass_over(guard, bytes, i);
		guard->at = (uint32_t)(base + i);
		check_limits(guard);
		if (i == bytes.len || guard->state == AT_REFUSED) {
			break;
		}
		if (guard->state <= AT_LINE_LF) {
			pdb__guard_line(guard, bytes.ptr[i]);
		} else {
			pdb__guard_fields(guard, bytes.ptr[i]);
		}
		i++;
	}
	head->len = guard->trailer && guard->state > AT_END_LF ? guard->head_end : base + i;
	return i;
}

/* Not part of the head: a CRLF that a careless client left behind its last body. */
static void skip_empty_line(pdb_guard *guard, uint8_t byte)
{
	if (guard->state == AT_START_LF) {
		if (byte != '\n') {
			pdb__guard_refuse(guard, 400, "bad_request_line",
					  "The request line is not valid.");
			return;
		}
		pdb__guard_enter(guard, AT_START, 0);
	} else if (++guard->empty_lines > 2) {
		pdb__guard_refuse(guard, 400, "bad_request_line",
				  "There are empty lines before the request.");
	} else {
		pdb__guard_enter(guard, AT_START_LF, 0);
	}
}

pdb_verdict pdb_guard_feed(pdb_guard *guard, pdb_slice bytes, size_t *used_out)
{
	size_t used = 0;

	while (used < bytes.len && guard->state < AT_DONE) {
		pdb_slice rest = pdb_slice_skip(bytes, used);

		if (guard->state == AT_START_LF ||
		    (guard->state == AT_START && *rest.ptr == '\r')) {
			skip_empty_line(guard, *rest.ptr);
			used++;
		} else if (guard->state <= AT_END_LF) {
			used += walk_head(guard, rest);
		} else {
			used += pdb__guard_body(guard, rest);
		}
	}
	*used_out = used;
	return guard->state < AT_DONE    ? PDB_GUARD_MORE
	       : guard->state == AT_DONE ? PDB_GUARD_DONE
					 : PDB_GUARD_REFUSED;
}

bool pdb_guard_started(const pdb_guard *guard)
{
	return guard->state != AT_START || guard->empty_lines > 0;
}

bool pdb_guard_in_body(const pdb_guard *guard)
{
	return guard->trailer || (guard->state > AT_END_LF && guard->state < AT_DONE);
}
