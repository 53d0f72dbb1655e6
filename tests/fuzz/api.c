/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the /v1 handlers, with any body, header, parameter and caller. */
#include <stdint.h>
#include <stdlib.h>

#include "api/api_private.h"
#include "base/json.h"
#include "fake_chat.h"
#include "fake_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pdb_status (*const handlers[])(void *, pdb_request *, pdb_err *) = {
	pdb__message_append, pdb__message_batch,   pdb__message_edit,   pdb__message_restore,
	pdb__message_page,   pdb__message_get,     pdb__message_delete, pdb__message_versions,
	pdb__thread_create,  pdb__thread_update,   pdb__thread_list,    pdb__thread_restore,
	pdb__reaction_set,   pdb__reaction_remove, pdb__reaction_list,
};

#define FIELDS_MAX 8u

/* Where the pieces of an input go, in this order; the last is the body. */
static const char *const names[FIELDS_MAX] = {
	"If-Match", "Idempotency-Key", "X-User-ID", "Content-Type",
	"limit",    "author",          "thread",    "include_deleted",
};

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* Cuts a piece off at the first NUL; NULL when there is none left. */
static const char *cut(char **rest, const char *end)
{
	char *piece = *rest;

	if (piece == NULL || piece >= end) {
		return NULL;
	}
	*rest = memchr(piece, '\0', (size_t)(end - piece));
	if (*rest != NULL) {
		(*rest)++;
	}
	return piece[0] != '\0' ? piece : NULL;
}

static void fill(pdb_request *request, char *text, size_t size)
{
	const char *end = text + size;
	char *rest = text;

	for (size_t i = 0; i < FIELDS_MAX; i++) {
		const char *piece = cut(&rest, end);

		if (piece == NULL) {
			continue;
		}
		if (i < 4) {
			fake_header(request, names[i], piece);
		} else if (strcmp(names[i], "thread") == 0) {
			fake_param(request, names[i], piece);
		} else {
			fake_query(request, names[i], piece);
		}
	}
	if (rest != NULL && rest < end) {
		request->body = pdb_slice_of(rest, (size_t)(end - rest));
	}
}

/* What was read must lie in the body, or be memory of the request. */
static void check_answer(pdb_request *request, pdb_status status, const pdb_err *err)
{
	if (status != PDB_OK) {
		must(request->status == 0);
		must(err->status == status && err->text[0] != '\0');
		return;
	}
	must(request->status == 200 || request->status == 204 || request->status == 304);
	for (size_t i = 0; i < asked.input_count && i < FAKE_INPUTS_MAX; i++) {
		must(pdb_json_check(asked.inputs[i].body, NULL, NULL) == PDB_OK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static pdb_chat *no_chat;
	pdb_request request = {0};
	pdb_err err = {0};
	char *text;
	size_t handler;

	if (size < 2) {
		return 0;
	}
	handler = data[0] % (sizeof(handlers) / sizeof(handlers[0]));
	memset(&asked, 0, sizeof(asked));
	request.role = (pdb_role)(1u << (data[1] % 3));
	if ((data[1] & 0x80) != 0) {
		memcpy(request.user, "ann", 4);
	}
	request.method = PDB_METHOD_POST;
	/* a NUL behind the last piece, which the setters expect */
	text = calloc(1, size);
	must(text != NULL);
	memcpy(text, data + 2, size - 2);
	fill(&request, text, size - 2);
	check_answer(&request, handlers[handler](&no_chat, &request, &err), &err);
	fake_request_fini(&request);
	free(text);
	return 0;
}
