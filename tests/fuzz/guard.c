/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the HTTP guard, fed whole, byte by byte and in odd pieces, with one verdict. */
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "http/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const pdb_guard_limits limits = {
	.target_max = 256, .header_max = 1024, .fields_max = 20, .body_max = 512};

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

typedef struct outcome {
	pdb_verdict verdict;
	pdb_refusal refusal;
	size_t used;
	pdb_message message;
} outcome;

/* `piece` 0 = all at once. */
static void run(outcome *out, const uint8_t *data, size_t size, size_t piece)
{
	pdb_guard guard;

	out->verdict = PDB_GUARD_MORE;
	out->used = 0;
	out->message = (pdb_message){0};
	pdb_guard_begin(&guard, &limits, &out->message);
	while (out->used < size && out->verdict == PDB_GUARD_MORE) {
		size_t left = size - out->used;
		size_t next = piece == 0 || piece > left ? left : piece;
		size_t used = 0;

		out->verdict = pdb_guard_feed(&guard, pdb_slice_of(data + out->used, next), &used);
		must(used <= next && (used == next || out->verdict != PDB_GUARD_MORE));
		out->used += used;
	}
	out->refusal = guard.refusal;
}

static bool span_within(const pdb_message *message, pdb_span span)
{
	return span.at <= message->head.len && span.len <= message->head.len - span.at;
}

static bool has_control(pdb_slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if ((bytes.ptr[i] < 0x20 && bytes.ptr[i] != '\t') || bytes.ptr[i] == 0x7f) {
			return true;
		}
	}
	return false;
}

/* What later readers rely on. */
static void check_message(const pdb_message *message)
{
	pdb_slice host = {0};
	char decoded[256];
	size_t len;

	must(message->count <= limits.fields_max && message->body.len <= limits.body_max);
	must(span_within(message, message->path) && span_within(message, message->query));
	must(pdb_percent_decode(pdb_message_span(message, message->path), false, decoded, &len));
	must(pdb_percent_decode(pdb_message_span(message, message->query), true, decoded, &len));
	must(message->path.len == 0 || message->head.data[message->path.at] == '/');
	for (size_t i = 0; i < message->count; i++) {
		const pdb_field *field = &message->fields[i];

		must(span_within(message, field->name) && field->name.len > 0);
		must(span_within(message, field->value));
		must(!has_control(pdb_message_span(message, field->name)));
		must(!has_control(pdb_message_span(message, field->value)));
	}
	must(message->old || pdb_message_field(message, "host", 0, &host));
}

static void compare(const outcome *a, const outcome *b)
{
	must(a->verdict == b->verdict);
	must(a->refusal.status == b->refusal.status && a->refusal.code == b->refusal.code);
	if (a->verdict == PDB_GUARD_DONE) {
		must(a->used == b->used);
		must(pdb_slice_equal(pdb_buf_slice(&a->message.head),
				     pdb_buf_slice(&b->message.head)));
		must(pdb_slice_equal(pdb_buf_slice(&a->message.body),
				     pdb_buf_slice(&b->message.body)));
		must(a->message.count == b->message.count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 2, 7, 64};
	size_t at = 0;

	/* As a pipeline, as long as requests are complete. */
	while (at < size) {
		outcome whole;
		size_t used;

		run(&whole, data + at, size - at, 0);
		for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			outcome parts;

			run(&parts, data + at, size - at, pieces[i]);
			compare(&whole, &parts);
			pdb_message_fini(&parts.message);
		}
		if (whole.verdict == PDB_GUARD_DONE) {
			check_message(&whole.message);
		}
		used = whole.verdict == PDB_GUARD_DONE ? whole.used : size - at;
		pdb_message_fini(&whole.message);
		at += used;
	}
	return 0;
}
