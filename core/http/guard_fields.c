/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's field lines: their grammar, of the header and of the trailer. */
#include "http/guard_private.h"

static void refuse_field(pdb_guard *guard)
{
	pdb__guard_refuse(guard, 400, "bad_header", "A header field is not valid.");
}

static void step_field(pdb_guard *guard, uint8_t byte)
{
	if (byte == '\r') {
		pdb__guard_enter(guard, AT_END_LF, 0);
	} else if ((pdb__guard_class(byte) & IS_TOKEN) != 0) {
		guard->field.name.at = guard->at;
		pdb__guard_enter(guard, AT_NAME, IS_TOKEN);
	} else {
		/* White space here would continue the line before: obs-fold. */
		refuse_field(guard);
	}
}

static void step_name(pdb_guard *guard, uint8_t byte)
{
	if (byte != ':') {
		refuse_field(guard);
		return;
	}
	guard->field.name.len = guard->at - guard->field.name.at;
	guard->field.value.at = guard->at + 1;
	pdb__guard_enter(guard, AT_VALUE, IS_VALUE);
}

static void step_value(pdb_guard *guard, uint8_t byte)
{
	if (byte != '\r') {
		refuse_field(guard);
		return;
	}
	guard->field.value.len = guard->at - guard->field.value.at;
	pdb__guard_enter(guard, AT_VALUE_LF, 0);
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static void trim(const uint8_t *head, pdb_span *value)
{
	while (value->len > 0 && is_space(head[value->at])) {
		value->at++;
		value->len--;
	}
	while (value->len > 0 && is_space(head[value->at + value->len - 1])) {
		value->len--;
	}
}

static void take_field(pdb_guard *guard)
{
	pdb_message *message = guard->message;

	if (guard->trailer) {
		/* Counted through `digits`, then dropped: a late field could contradict one that
		 * was already acted upon. */
		if (++guard->digits > guard->limits->fields_max) {
			pdb__guard_refuse(guard, 431, "too_many_headers",
					  "There are too many header fields.");
		}
		return;
	}
	if (message->count >= guard->limits->fields_max || message->count >= PDB_FIELDS_MAX) {
		pdb__guard_refuse(guard, 431, "too_many_headers",
				  "There are too many header fields.");
		return;
	}
	trim(message->head.data, &guard->field.value);
	message->fields[message->count++] = guard->field;
	pdb__guard_field(guard, pdb_message_span(message, guard->field.name),
			 pdb_message_span(message, guard->field.value));
}

static void step_value_lf(pdb_guard *guard, uint8_t byte)
{
	if (byte != '\n') {
		refuse_field(guard);
		return;
	}
	pdb__guard_enter(guard, AT_FIELD, 0);
	take_field(guard);
}

static void step_end_lf(pdb_guard *guard, uint8_t byte)
{
	if (byte != '\n') {
		refuse_field(guard);
	} else if (guard->trailer) {
		pdb__guard_enter(guard, AT_DONE, 0);
	} else {
		guard->head_end = guard->at + 1;
		pdb__guard_framing(guard);
	}
}

void pdb__guard_fields(pdb_guard *guard, uint8_t byte)
{
	switch (guard->state) {
	case AT_FIELD:
		step_field(guard, byte);
		break;
	case AT_NAME:
		step_name(guard, byte);
		break;
	case AT_VALUE:
		step_value(guard, byte);
		break;
	case AT_VALUE_LF:
		step_value_lf(guard, byte);
		break;
	default:
		step_end_lf(guard, byte);
		break;
	}
}
