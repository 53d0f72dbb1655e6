/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that append: one message, or a batch. */
#include "api/messages.h"
#include "base/json.h"

#define BATCH_MAX 1000u

static const pdb__field message_fields[] = {
	{"body", PDB__JSON, offsetof(pdb__message_body, body)},
	{"role", PDB__TEXT, offsetof(pdb__message_body, role)},
	{"author", PDB__TEXT, offsetof(pdb__message_body, author)},
	{"thread", PDB__TEXT, offsetof(pdb__message_body, thread)},
	{"id", PDB__TEXT, offsetof(pdb__message_body, id)},
	{"ts", PDB__TIME, offsetof(pdb__message_body, ts)},
	{"reply_to", PDB__TEXT, offsetof(pdb__message_body, reply_to)},
};
const pdb__shape pdb__message_shape = PDB__SHAPE(message_fields);

/* A message goes where the path says; a body that says otherwise is a mistake. */
static pdb_status choose_thread(pdb__call *call, const pdb__message_body *body, const char *at,
				pdb_slice *thread_out)
{
	pdb_slice path = pdb_request_param(call->request, "thread");

	*thread_out = path.len > 0 ? path : body->thread;
	if (body->thread.ptr == NULL || pdb_slice_equal(*thread_out, body->thread)) {
		return PDB_OK;
	}
	(void)pdb_err_set(call->err, PDB_EINVAL, "thread_mismatch",
			  "The body names another thread than the path.");
	return pdb_err_at(call->err, "%s/thread", at);
}

static pdb_status read_message(pdb__call *call, pdb_slice object, const char *at,
			       pdb__message_body *body)
{
	pdb_status status = pdb__input_read(call, object, at, &pdb__message_shape, body);

	if (status != PDB_OK) {
		return status;
	}
	if (body->body.ptr == NULL) {
		(void)pdb_err_set(call->err, PDB_EINVAL, "field_required",
				  "A message needs a body.");
		return pdb_err_at(call->err, "%s/body", at);
	}
	return PDB_OK;
}

static pdb_message_input input_of(const pdb__message_body *body, pdb_slice key)
{
	pdb_message_input input = {
		.id = body->id,
		.idempotency_key = key,
		.role = body->role,
		.body = body->body,
		.reply_to = body->reply_to,
		.ts = body->ts,
	};

	return input;
}

/* An empty name is not an absent one, but the domain takes both for "make a new thread". */
static pdb_status judge_thread(pdb__call *call, const pdb__message_body *body)
{
	if (body->thread.ptr != NULL && body->thread.len == 0) {
		(void)pdb_err_set(call->err, PDB_EINVAL, "invalid_id", "A thread id is not empty.");
		return pdb_err_at(call->err, "/thread");
	}
	return PDB_OK;
}

static pdb_status read_append(pdb__call *call, pdb__message_body *body, pdb_slice *thread_out)
{
	pdb_slice object;
	pdb_status status = pdb__input_object(call, true, &object);

	if (status == PDB_OK) {
		status = read_message(call, object, "", body);
	}
	if (status == PDB_OK) {
		status = judge_thread(call, body);
	}
	if (status == PDB_OK) {
		status = choose_thread(call, body, "", thread_out);
	}
	return status == PDB_OK ? pdb__caller_resolve(call, body->author) : status;
}

PDB__HANDLER(pdb__message_append)
{
	pdb__call call;
	pdb__message_body body = {0};
	pdb_message_input input;
	pdb_slice thread = {0};
	pdb_slice key = {0};
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = read_append(&call, &body, &thread);
	if (status == PDB_OK) {
		status = pdb__input_idempotency_key(&call, &key);
	}
	if (status != PDB_OK) {
		return status;
	}
	input = input_of(&body, key);
	status = pdb_chat_append(call.chat, &call.caller, thread, &input, 1, call.out,
				 &call.outcome, err);
	return status == PDB_OK ? pdb__reply_created(&call) : status;
}

typedef struct batch_body {
	pdb_slice author;
	pdb_slice messages;
} batch_body;

static const pdb__field batch_fields[] = {
	{"author", PDB__TEXT, offsetof(batch_body, author)},
	{"messages", PDB__ARRAY, offsetof(batch_body, messages)},
};
static const pdb__shape batch_shape = PDB__SHAPE(batch_fields);

static pdb_status batch_problem(pdb__call *call, const char *code, const char *text)
{
	(void)pdb_err_set(call->err, PDB_EINVAL, code, "%s", text);
	return pdb_err_at(call->err, "/messages");
}

static pdb_status count_messages(pdb__call *call, pdb_slice messages, size_t *count_out)
{
	pdb_slice key;
	pdb_slice element;
	size_t cursor = 0;

	*count_out = 0;
	if (messages.ptr == NULL) {
		return batch_problem(call, "field_required", "A batch needs messages.");
	}
	while (pdb_json_next(messages, &cursor, &key, &element)) {
		(*count_out)++;
	}
	if (*count_out == 0) {
		return batch_problem(call, "empty_batch", "A batch has at least one message.");
	}
	if (*count_out > BATCH_MAX) {
		return batch_problem(call, "batch_too_large",
				     "A batch has at most 1,000 messages.");
	}
	return PDB_OK;
}

static pdb_status read_element(pdb__call *call, pdb_slice element, size_t index,
			       pdb__message_body *body)
{
	char at[32];
	pdb_slice thread;
	pdb_status status;

	(void)snprintf(at, sizeof(at), "/messages/%zu", index);
	if (pdb_json_type_of(element) != PDB_JSON_OBJECT) {
		(void)pdb_err_set(call->err, PDB_EINVAL, "invalid_type",
				  "A message must be an object.");
		return pdb_err_at(call->err, "%s", at);
	}
	status = read_message(call, element, at, body);
	if (status == PDB_OK) {
		status = choose_thread(call, body, at, &thread);
	}
	return status == PDB_OK ? pdb__caller_allows(call, body->author, index) : status;
}

/* `key` goes to every message: the domain tells them apart by their place. */
static pdb_status read_elements(pdb__call *call, pdb_slice messages, pdb_slice key,
				pdb_message_input *inputs)
{
	pdb_slice name;
	pdb_slice element;
	size_t cursor = 0;

	for (size_t i = 0; pdb_json_next(messages, &cursor, &name, &element); i++) {
		pdb__message_body body = {0};
		pdb_status status = read_element(call, element, i, &body);

		if (status != PDB_OK) {
			return status;
		}
		inputs[i] = input_of(&body, key);
		inputs[i].author = body.author;
	}
	return PDB_OK;
}

static pdb_status read_batch(pdb__call *call, pdb_message_input **inputs_out, size_t *count_out)
{
	batch_body body = {0};
	pdb_slice object;
	pdb_slice key = {0};
	pdb_status status = pdb__input_object(call, true, &object);

	if (status == PDB_OK) {
		status = pdb__input_read(call, object, "", &batch_shape, &body);
	}
	if (status == PDB_OK) {
		status = pdb__caller_resolve(call, body.author);
	}
	if (status == PDB_OK) {
		status = pdb__input_idempotency_key(call, &key);
	}
	if (status == PDB_OK) {
		status = count_messages(call, body.messages, count_out);
	}
	if (status != PDB_OK) {
		return status;
	}
	*inputs_out = pdb_request_alloc(call->request, *count_out * sizeof(**inputs_out));
	if (*inputs_out == NULL) {
		return pdb_err_set(call->err, PDB_ENOMEM, NULL, "no memory for a batch");
	}
	return read_elements(call, body.messages, key, *inputs_out);
}

/* The domain takes a batch of one for a message: its fields are those of the body. */
static pdb_status name_only_element(pdb__call *call, pdb_status status)
{
	char field[sizeof(call->err->field)];

	if (call->err->field[0] == '/') {
		memcpy(field, call->err->field, sizeof(field));
		(void)pdb_err_at(call->err, "/messages/0%s", field);
	}
	return status;
}

static pdb_status append_batch(pdb__call *call, const pdb_message_input *inputs, size_t count)
{
	pdb_slice thread = pdb_request_param(call->request, "thread");
	pdb_status status;

	pdb_buf_add_text(call->out, "{\"thread\":");
	pdb_json_add_string(call->out, thread);
	pdb_buf_add_text(call->out, ",\"messages\":[");
	status = pdb_chat_append(call->chat, &call->caller, thread, inputs, count, call->out,
				 &call->outcome, call->err);
	if (status != PDB_OK) {
		return count > 1 ? status : name_only_element(call, status);
	}
	pdb_buf_add_text(call->out, "]}");
	return PDB_OK;
}

PDB__HANDLER(pdb__message_batch)
{
	pdb__call call;
	pdb_message_input *inputs = NULL;
	size_t count = 0;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = read_batch(&call, &inputs, &count);
	if (status == PDB_OK) {
		status = append_batch(&call, inputs, count);
	}
	return status == PDB_OK ? pdb__reply_batch(&call) : status;
}
