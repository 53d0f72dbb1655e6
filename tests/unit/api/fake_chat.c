/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of chat/chat.h, recorded. */
#include "fake_chat.h"

fake_chat asked;

static pdb_status answer(const pdb_caller *caller, pdb_buf *out, const char *text,
			 pdb_outcome *outcome, pdb_err *err)
{
	asked.calls++;
	asked.caller = *caller;
	if (asked.answer != PDB_OK) {
		return pdb_err_set(err, asked.answer, NULL, "as told");
	}
	*outcome = asked.outcome;
	if (out != NULL) {
		pdb_buf_add_text(out, text);
	}
	return PDB_OK;
}

pdb_status pdb_chat_thread_create(pdb_chat *chat, const pdb_caller *caller,
				  const pdb_thread_input *input, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err)
{
	(void)chat;
	asked.thread_input = *input;
	return answer(caller, out, "{\"id\":\"t1\"}", outcome, err);
}

pdb_status pdb_chat_thread_get(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			       bool with_deleted, pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.thread = thread;
	asked.with_deleted = with_deleted;
	return answer(caller, out, "{\"id\":\"t1\"}", outcome, err);
}

pdb_status pdb_chat_thread_update(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				  const pdb_thread_input *input, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err)
{
	(void)chat;
	asked.thread = thread;
	asked.thread_input = *input;
	return answer(caller, out, "{\"id\":\"t1\"}", outcome, err);
}

pdb_status pdb_chat_thread_delete(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				  pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.thread = thread;
	return answer(caller, NULL, "", outcome, err);
}

pdb_status pdb_chat_thread_restore(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				   pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.thread = thread;
	return answer(caller, out, "{\"id\":\"t1\"}", outcome, err);
}

pdb_status pdb_chat_thread_list(pdb_chat *chat, const pdb_caller *caller,
				const pdb_thread_query *query, pdb_buf *out, pdb_thread_page *page,
				pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.thread_query = *query;
	if (asked.cursor != NULL) {
		(void)snprintf(page->cursor, sizeof(page->cursor), "%s", asked.cursor);
	}
	return answer(caller, out, "{\"id\":\"t1\"},{\"id\":\"t2\"}", outcome, err);
}

pdb_status pdb_chat_append(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			   const pdb_message_input *inputs, size_t count, pdb_buf *out,
			   pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.thread = thread;
	asked.input_count = count;
	for (size_t i = 0; i < count && i < FAKE_INPUTS_MAX; i++) {
		asked.inputs[i] = inputs[i];
	}
	return answer(caller, out, "{\"id\":\"m1\"}", outcome, err);
}

pdb_status pdb_chat_message_page(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_query *query, pdb_buf *out,
				 pdb_message_page *page, pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.message_query = *query;
	if (asked.cursor != NULL) {
		(void)snprintf(page->before, sizeof(page->before), "%s", asked.cursor);
		(void)snprintf(page->after, sizeof(page->after), "%s", asked.cursor);
		page->has_before = true;
		page->last_seq = 7;
	}
	return answer(caller, out, asked.cursor != NULL ? "{\"id\":\"m1\"}" : "", outcome, err);
}

pdb_status pdb_chat_message_get(pdb_chat *chat, const pdb_caller *caller,
				const pdb_message_ref *ref, bool with_deleted, pdb_buf *out,
				pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.thread = ref->thread;
	asked.message = ref->message;
	asked.with_deleted = with_deleted;
	return answer(caller, out, "{\"id\":\"m1\"}", outcome, err);
}

pdb_status pdb_chat_message_edit(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_ref *ref, const pdb_message_input *input,
				 uint32_t if_match, pdb_buf *out, pdb_outcome *outcome,
				 pdb_err *err)
{
	(void)chat;
	asked.thread = ref->thread;
	asked.message = ref->message;
	asked.inputs[0] = *input;
	asked.if_match = if_match;
	return answer(caller, out, "{\"id\":\"m1\"}", outcome, err);
}

pdb_status pdb_chat_message_delete(pdb_chat *chat, const pdb_caller *caller,
				   const pdb_message_ref *ref, uint32_t if_match,
				   pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.message = ref->message;
	asked.if_match = if_match;
	return answer(caller, NULL, "", outcome, err);
}

pdb_status pdb_chat_message_restore(pdb_chat *chat, const pdb_caller *caller,
				    const pdb_message_ref *ref, uint32_t version, pdb_buf *out,
				    pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.message = ref->message;
	asked.version = version;
	return answer(caller, out, "{\"id\":\"m1\"}", outcome, err);
}

pdb_status pdb_chat_message_versions(pdb_chat *chat, const pdb_caller *caller,
				     const pdb_message_ref *ref, pdb_buf *out, pdb_outcome *outcome,
				     pdb_err *err)
{
	(void)chat;
	asked.message = ref->message;
	return answer(caller, out, "{\"version\":1},{\"version\":2}", outcome, err);
}

pdb_status pdb_chat_reaction_list(pdb_chat *chat, const pdb_caller *caller,
				  const pdb_message_ref *ref, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err)
{
	(void)chat;
	asked.message = ref->message;
	return answer(caller, out, "{\"id\":\"ann\",\"reaction\":\"+1\"}", outcome, err);
}

pdb_status pdb_chat_reaction_set(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_ref *ref, pdb_slice identity, pdb_slice reaction,
				 pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.message = ref->message;
	asked.identity = identity;
	asked.reaction = reaction;
	return answer(caller, out, "{\"id\":\"ann\",\"reaction\":\"+1\"}", outcome, err);
}

pdb_status pdb_chat_reaction_remove(pdb_chat *chat, const pdb_caller *caller,
				    const pdb_message_ref *ref, pdb_slice identity,
				    pdb_outcome *outcome, pdb_err *err)
{
	(void)chat;
	asked.message = ref->message;
	asked.identity = identity;
	return answer(caller, NULL, "", outcome, err);
}
