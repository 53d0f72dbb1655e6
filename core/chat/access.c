/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the rules of the access table, and how they are put to use. */
#include "chat/access.h"

#include "base/json.h"
#include "chat/chat_private.h"

/* The words that the table may use; with any other one it does not compile. */
#define THREAD_SNN  "SNN"
#define THREAD_SNS  "SNS"
#define THREAD_SSS  "SSS"
#define THREAD_MNN  "MNN"
#define THREAD_MNO  "MNO"
#define THREAD_ONN  "ONN"
#define THREAD_OOO  "OOO"
#define THREAD_NNN  "NNN"
#define MESSAGE_SNN "SNN"
#define MESSAGE_SNS "SNS"
#define MESSAGE_SSS "SSS"
#define MESSAGE_SWW "SWW"
#define MESSAGE_WNN "WNN"
#define MESSAGE_WWW "WWW"
#define MESSAGE_INN "INN"
#define MESSAGE_NNN "NNN"

#define RULE(thread_, message_)                                                                    \
	{                                                                                          \
		THREAD_##thread_, MESSAGE_##message_                                               \
	}
#define RULES(action_, handler_, method_, path_, ut, um, at, am, bt, bm, dt, dm)                   \
	[PDB_ACTION_##action_] = {RULE(ut, um), RULE(at, am), RULE(bt, bm), RULE(dt, dm)},

const pdb_access_rule pdb_access_rules[PDB_ACTIONS][PDB_STANDINGS] = {
	PDB_ACCESS_MAP(RULES, PDB_ACCESS_NO_ALIAS)};

static pdb_standing standing_of(pdb_role role, bool acts_as_somebody)
{
	switch (role) {
	case PDB_ROLE_ADMIN:
		return PDB_STANDING_ADMIN;
	case PDB_ROLE_BACKEND:
		return acts_as_somebody ? PDB_STANDING_BACKEND_AS : PDB_STANDING_BACKEND;
	case PDB_ROLE_FRONTEND:
	case PDB_ROLE_NONE:
	default:
		return PDB_STANDING_USER;
	}
}

static const pdb_access_rule *rule_of(const pdb_caller *caller, pdb_action action)
{
	return &pdb_access_rules[action][standing_of(caller->role, caller->author.len > 0)];
}

static pdb_access_state state_of(bool deleted, bool asked)
{
	if (!deleted) {
		return PDB_ACCESS_LIVE;
	}
	return asked ? PDB_ACCESS_ASKED : PDB_ACCESS_DELETED;
}

static bool is_owner(const pdb_caller *caller, const pdb__meta *meta)
{
	return caller->author.len > 0 && pdb_slice_equal(meta->author, caller->author);
}

/* True for the author of the thread too. */
static bool takes_part(const pdb_caller *caller, const pdb__meta *meta)
{
	return caller->author.len > 0 && pdb__member_in(meta, caller->author);
}

static bool thread_allows(char letter, const pdb_caller *caller, const pdb__meta *meta)
{
	switch (letter) {
	case 'S':
		return true;
	case 'M':
		return takes_part(caller, meta);
	case 'O':
		return is_owner(caller, meta);
	default:
		return false;
	}
}

pdb_status pdb__author_required(pdb_err *err)
{
	return pdb__invalid(err, "author_required", "/author",
			    "An author is required: sign in, or name one.");
}

/* The same words whether it is unknown or forbidden. */
pdb_status pdb__no_thread(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOTFOUND, "thread_not_found", "There is no such thread.");
}

pdb_status pdb__no_message(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOTFOUND, "message_not_found", "There is no such message.");
}

static pdb_status refuse_thread(const pdb__op *op, pdb_err *err)
{
	if (op->meta.deleted || !takes_part(op->caller, &op->meta)) {
		return pdb__no_thread(err);
	}
	return pdb_err_set(err, PDB_EDENIED, NULL, "Only the author of the thread may do this.");
}

pdb_status pdb__access_thread(pdb__op *op, pdb_action action, bool asked, pdb_err *err)
{
	const char *word = rule_of(op->caller, action)->thread;

	if (word[PDB_ACCESS_LIVE] == 'N' && op->caller->author.len == 0) {
		return pdb__author_required(err);
	}
	if (!op->found) {
		return pdb__no_thread(err);
	}
	if (!thread_allows(word[state_of(op->meta.deleted, asked)], op->caller, &op->meta)) {
		return refuse_thread(op, err);
	}
	op->judged = true;
	return PDB_OK;
}

pdb_status pdb__access_create(pdb__op *op, pdb_slice author, pdb_err *err)
{
	pdb_standing standing = standing_of(op->caller->role, author.len > 0);
	const pdb_access_rule *rule = &pdb_access_rules[PDB_ACTION_THREAD_CREATE][standing];

	if (rule->thread[PDB_ACCESS_LIVE] != 'S' || author.len == 0) {
		return pdb__author_required(err);
	}
	op->judged = true;
	return PDB_OK;
}

pdb_status pdb__access_list(pdb__op *op, bool *all_out, pdb_err *err)
{
	char letter = rule_of(op->caller, PDB_ACTION_THREAD_LIST)->thread[PDB_ACCESS_LIVE];

	*all_out = letter == 'S' && op->caller->author.len == 0;
	if (letter == 'N' || (!*all_out && op->caller->author.len == 0)) {
		return pdb__author_required(err);
	}
	op->judged = true;
	return PDB_OK;
}

bool pdb__access_lists(const pdb_caller *caller, const pdb__meta *meta, bool asked)
{
	const char *word = rule_of(caller, PDB_ACTION_THREAD_LIST)->thread;

	if (meta->purging) {
		return false;
	}
	return thread_allows(word[state_of(meta->deleted, asked)], caller, meta);
}

static pdb_status is_writer(pdb__op *op, const pdb__record *record, bool *is, pdb_err *err)
{
	pdb_buf *text = &op->arena->text;

	*is = false;
	if (op->caller->author.len == 0) {
		return PDB_OK;
	}
	/* The stored author is a JSON string: compare in that form. */
	pdb_buf_clear(text);
	pdb_json_add_string(text, op->caller->author);
	*is = pdb_slice_equal(pdb_buf_slice(text), record->author);
	return pdb_buf_status(text, err);
}

/* What everybody could read before it was deleted is gone for them, not forbidden. */
static pdb_status refuse_message(const char *word, char letter, pdb_err *err)
{
	if (letter == 'N' || word[PDB_ACCESS_LIVE] == 'S') {
		return pdb__no_message(err);
	}
	if (letter == 'I') {
		return pdb_err_set(err, PDB_EDENIED, "reaction_not_own",
				   "A reaction can only be set or removed by its identity.");
	}
	return pdb_err_set(err, PDB_EDENIED, NULL, "Only the author of a message may change it.");
}

pdb_status pdb__access_message(pdb__op *op, pdb_action action, bool asked,
			       const pdb__record *record, pdb_err *err)
{
	const char *word = rule_of(op->caller, action)->message;
	char letter = word[state_of(record->deleted, asked)];
	bool allowed = letter == 'S';
	pdb_status status = PDB_OK;

	if (letter == 'W') {
		status = is_writer(op, record, &allowed, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	return allowed ? PDB_OK : refuse_message(word, letter, err);
}

pdb_status pdb__access_reaction(pdb__op *op, pdb_action action, pdb_slice identity,
				const pdb__record *record, pdb_err *err)
{
	char letter = rule_of(op->caller, action)->message[state_of(record->deleted, false)];

	if (letter == 'I' && pdb_slice_equal(op->caller->author, identity)) {
		return PDB_OK;
	}
	return pdb__access_message(op, action, false, record, err);
}

bool pdb__access_shows(const pdb_caller *caller, pdb_action action, bool deleted, bool asked)
{
	return rule_of(caller, action)->message[state_of(deleted, asked)] == 'S';
}
