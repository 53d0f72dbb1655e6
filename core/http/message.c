/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a request, and the look-up of its fields. */
#include "http/message.h"

#include "base/text.h"

/* More than this is given back after a request, so that one large body does not stay for ever. */
#define KEEP_MAX (64u * 1024u)

static void clear_buf(pdb_buf *buf)
{
	if (buf->cap > KEEP_MAX) {
		pdb_buf_fini(buf);
		*buf = (pdb_buf){0};
	}
	pdb_buf_clear(buf);
}

void pdb_message_clear(pdb_message *message)
{
	clear_buf(&message->head);
	clear_buf(&message->body);
	message->method = PDB_METHOD_GET;
	message->path = (pdb_span){0, 0};
	message->query = (pdb_span){0, 0};
	message->asterisk = false;
	message->old = false;
	message->persistent = false;
	message->count = 0;
}

void pdb_message_fini(pdb_message *message)
{
	pdb_buf_fini(&message->head);
	pdb_buf_fini(&message->body);
}

bool pdb_message_field(const pdb_message *message, const char *name, size_t skip,
		       pdb_slice *value_out)
{
	pdb_slice wanted = pdb_slice_text(name);

	for (size_t i = 0; i < message->count; i++) {
		const pdb_field *field = &message->fields[i];

		if (field->name.len == wanted.len &&
		    pdb_text_equal_nocase(pdb_message_span(message, field->name), wanted) &&
		    skip-- == 0) {
			*value_out = pdb_message_span(message, field->value);
			return true;
		}
	}
	return false;
}
