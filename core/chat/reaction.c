/* SPDX-License-Identifier: Apache-2.0 */
/* Reactions: one of each identity, kept in the message's record. */
#include "base/id.h"
#include "base/json.h"
#include "chat/chat_private.h"

#define REACTION_MAX 64u

typedef struct reacting {
	pdb_action action;
	pdb_slice message;
	pdb_slice identity; /* as text */
	pdb_slice reaction; /* as text; empty = remove */
	pdb_slice id_json;
	pdb_slice reaction_json;
} reacting;

static pdb_status find(pdb__op *op, pdb_slice message, pdb__place *place, pdb_err *err)
{
	pdb_status status = pdb__message_find(op, message, place, err);

	return status == PDB_ENOTFOUND ? pdb__no_message(err) : status;
}

/* The list without its brackets. */
static void show(pdb__op *op, pdb_slice reactions)
{
	if (op->out != NULL && reactions.len > 2) {
		pdb_buf_add(op->out, reactions.ptr + 1, reactions.len - 2);
	}
}

static pdb_status list_try(pdb__op *op, void *arg, pdb_err *err)
{
	const reacting *r = arg;
	pdb__place place;
	pdb_status status = pdb__access_thread(op, r->action, false, err);

	if (status == PDB_OK) {
		status = find(op, r->message, &place, err);
	}
	if (status == PDB_OK) {
		status = pdb__access_message(op, r->action, false, &place.record, err);
	}
	if (status == PDB_OK) {
		show(op, place.record.reactions);
		pdb__op_name_message(op, r->message, place.record.version);
	}
	return status;
}

pdb_status pdb_chat_reaction_list(pdb_chat *chat, const pdb_caller *caller,
				  const pdb_message_ref *ref, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err)
{
	reacting r = {.action = PDB_ACTION_REACTION_LIST, .message = ref->message};
	pdb__op op = {0};
	pdb_status status = pdb__id_check(ref->message, "/message", err);

	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, caller, ref->thread, err);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = pdb__op_read(&op, list_try, &r, err);
	}
	pdb__op_fini(&op);
	return status;
}

static void add_entry(pdb_buf *list, pdb_slice id_json, pdb_slice reaction_json)
{
	pdb_buf_add_text(list, list->len > 1 ? ",{\"id\":" : "{\"id\":");
	pdb_buf_add_slice(list, id_json);
	pdb_buf_add_text(list, ",\"reaction\":");
	pdb_buf_add_slice(list, reaction_json);
	pdb_buf_add_byte(list, '}');
}

/* Copies the list with the change; strings are always written the same way, so that comparing
 * their JSON compares them. */
static bool rebuild(const reacting *r, pdb_slice old, pdb_buf *list, size_t *count)
{
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice entry;
	bool met = false;

	*count = 0;
	pdb_buf_clear(list);
	pdb_buf_add_byte(list, '[');
	while (old.len > 0 && pdb_json_next(old, &cursor, &key, &entry)) {
		pdb_slice id;
		pdb_slice reaction;

		if (!pdb_json_member(entry, "id", &id) ||
		    !pdb_json_member(entry, "reaction", &reaction)) {
			continue;
		}
		if (pdb_slice_equal(id, r->id_json)) {
			met = true;
			reaction = r->reaction_json;
		}
		if (reaction.len > 0) {
			add_entry(list, id, reaction);
			(*count)++;
		}
	}
	if (!met && r->reaction_json.len > 0) {
		add_entry(list, r->id_json, r->reaction_json);
		(*count)++;
	}
	pdb_buf_add_byte(list, ']');
	return met;
}

/* A member of an entry, as text in the arena. */
static bool entry_text(pdb__op *op, pdb_slice entry, const char *name, pdb_slice *out)
{
	pdb_slice json = {0};
	char *text;

	if (!pdb_json_member(entry, name, &json) || pdb_json_type_of(json) != PDB_JSON_STRING) {
		return false;
	}
	text = pdb__arena_alloc(op->arena, json.len);
	*out = pdb_slice_of(text, text != NULL ? pdb_json_unescape(json, text) : 0);
	return text != NULL;
}

bool pdb__reaction_in(pdb_slice reactions, pdb_slice id_json)
{
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice entry;
	pdb_slice id;

	while (reactions.len > 0 && pdb_json_next(reactions, &cursor, &key, &entry)) {
		if (pdb_json_member(entry, "id", &id) && pdb_slice_equal(id, id_json)) {
			return true;
		}
	}
	return false;
}

pdb_status pdb__reaction_drop(pdb__op *op, pdb__record *record, pdb_slice id_json, pdb_err *err)
{
	const reacting r = {.id_json = id_json};
	pdb_buf *list = &op->arena->text;
	size_t count;

	(void)rebuild(&r, record->reactions, list, &count);
	record->reactions = count > 0 ? pdb_buf_slice(list) : pdb_slice_of(NULL, 0);
	return pdb_buf_status(list, err);
}

static pdb_status too_many(const pdb__op *op, pdb_err *err)
{
	return pdb__invalid(err, "too_many_reactions", "", "A message has at most %lld reactions.",
			    (long long)op->chat->settings.reactions_max);
}

static pdb_status json_of(pdb__op *op, pdb_slice text, pdb_slice *json, pdb_err *err)
{
	pdb_buf *made = &op->arena->text;

	pdb_buf_clear(made);
	pdb_json_add_string(made, text);
	if (made->failed || !pdb__arena_copy(op->arena, pdb_buf_slice(made), json)) {
		return pdb__no_memory(err);
	}
	return PDB_OK;
}

static bool reaction_valid(pdb_slice reaction)
{
	/* The same kind of text as an author, and shorter. */
	return reaction.len <= REACTION_MAX && pdb_author_valid(reaction);
}

/* One entry as it was given, added to `list` as it is stored. */
static pdb_status read_entry(pdb__op *op, pdb_slice entry, pdb_buf *list, pdb_err *err)
{
	pdb_slice id = {0};
	pdb_slice reaction = {0};
	pdb_status status;

	if (pdb_json_type_of(entry) != PDB_JSON_OBJECT || !entry_text(op, entry, "id", &id) ||
	    !entry_text(op, entry, "reaction", &reaction) || !pdb_author_valid(id) ||
	    !reaction_valid(reaction)) {
		return pdb__invalid(err, "invalid_reaction", "/reactions",
				    "A reaction is {\"id\", \"reaction\"}, as the API shows it.");
	}
	status = json_of(op, id, &id, err);
	if (status == PDB_OK) {
		status = json_of(op, reaction, &reaction, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	pdb_buf_add_byte(list, ']');
	if (pdb__reaction_in(pdb_buf_slice(list), id)) {
		return pdb__invalid(err, "invalid_reaction", "/reactions",
				    "An identity has one reaction to a message.");
	}
	list->len--;
	add_entry(list, id, reaction);
	return PDB_OK;
}

pdb_status pdb__reactions_read(pdb__op *op, pdb_slice json, pdb_slice *out, pdb_err *err)
{
	pdb_buf list = {0};
	size_t cursor = 0;
	size_t count = 0;
	pdb_slice key;
	pdb_slice entry;
	pdb_status status = PDB_OK;

	pdb_buf_add_byte(&list, '[');
	while (status == PDB_OK && pdb_json_next(json, &cursor, &key, &entry)) {
		status = ++count > (size_t)op->chat->settings.reactions_max
				 ? too_many(op, err)
				 : read_entry(op, entry, &list, err);
	}
	pdb_buf_add_byte(&list, ']');
	*out = pdb_slice_of(NULL, 0);
	if (status == PDB_OK && count > 0 &&
	    (list.failed || !pdb__arena_copy(op->arena, pdb_buf_slice(&list), out))) {
		status = pdb__no_memory(err);
	}
	pdb_buf_fini(&list);
	return status;
}

static pdb_status set_try(pdb__op *op, void *arg, pdb_err *err)
{
	const reacting *r = arg;
	pdb_buf *list = &op->arena->text;
	bool removal = r->reaction_json.len == 0;
	pdb__place place;
	pdb__record record;
	size_t count;
	pdb_status status = pdb__access_thread(op, r->action, false, err);

	if (status == PDB_OK) {
		status = find(op, r->message, &place, err);
	}
	if (status == PDB_OK) {
		status = pdb__access_reaction(op, r->action, r->identity, &place.record, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (!rebuild(r, place.record.reactions, list, &count)) {
		if (removal) {
			return pdb_err_set(err, PDB_ENOTFOUND, "reaction_not_found",
					   "There is no reaction of this identity.");
		}
		if (count > (size_t)op->chat->settings.reactions_max) {
			return too_many(op, err);
		}
	}
	status = pdb_buf_status(list, err);
	if (status != PDB_OK) {
		return status;
	}
	if (!removal) {
		status = pdb__guest_note(op, r->identity, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	record = place.record;
	record.reactions = count > 0 ? pdb_buf_slice(list) : pdb_slice_of(NULL, 0);
	status = pdb__message_put(op, &place, &record, err);
	if (status == PDB_OK) {
		status = pdb__op_note(
			op, removal ? PDB_CHANGE_REACTION_REMOVED : PDB_CHANGE_REACTION_SET,
			&record, err);
	}
	show(op, record.reactions);
	pdb__op_name_message(op, r->message, record.version);
	return status;
}

static pdb_status react(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread, reacting *r,
			pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	pdb__op op = {0};
	pdb_status status = pdb__id_check(r->message, "/message", err);

	if (status == PDB_OK) {
		status = pdb__author_check(r->identity, "/id", err);
	}
	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, caller, thread, err);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = json_of(&op, r->identity, &r->id_json, err);
	}
	if (status == PDB_OK && r->reaction.len > 0) {
		status = json_of(&op, r->reaction, &r->reaction_json, err);
	}
	if (status == PDB_OK) {
		status = pdb__op_write(&op, set_try, r, err);
	}
	pdb__op_fini(&op);
	return status;
}

/* NOLINTNEXTLINE(readability-function-size): as declared in chat.h. */
pdb_status pdb_chat_reaction_set(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_ref *ref, pdb_slice identity, pdb_slice reaction,
				 pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	reacting r = {.action = PDB_ACTION_REACTION_SET,
		      .message = ref->message,
		      .identity = identity,
		      .reaction = reaction};

	if (!reaction_valid(reaction)) {
		return pdb__invalid(err, "invalid_reaction", "/reaction",
				    "A reaction is 1 to 64 bytes of text without control "
				    "characters.");
	}
	return react(chat, caller, ref->thread, &r, out, outcome, err);
}

pdb_status pdb_chat_reaction_remove(pdb_chat *chat, const pdb_caller *caller,
				    const pdb_message_ref *ref, pdb_slice identity,
				    pdb_outcome *outcome, pdb_err *err)
{
	reacting r = {.action = PDB_ACTION_REACTION_REMOVE,
		      .message = ref->message,
		      .identity = identity};

	return react(chat, caller, ref->thread, &r, NULL, outcome, err);
}
