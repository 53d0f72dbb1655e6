/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary field paths over arbitrary JSON: matches lie inside, in order, and are values. */
#include <stdlib.h>

#include "base/host.h"
#include "base/json.h"
#include "path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const pdb_host host = {PDB_HOST_BASE};
static const pdb_host_json json = {.size = sizeof(json),
				   .check = pdb_json_check,
				   .next = pdb_json_next,
				   .key_is = pdb_json_key_equals};

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

typedef struct seen {
	pdb_slice body;
	const uint8_t *end; /* of the match before */
} seen;

static pdb_status look(void *arg, const path_match *match)
{
	seen *s = arg;

	must(match->span.len > 0 && match->span.ptr >= s->end);
	must(match->span.ptr + match->span.len <= s->body.ptr + s->body.len);
	must(match->path.len > 0 && match->path.len <= PATH_TEXT_MAX);
	must(pdb_json_check(match->span, NULL, NULL) == PDB_OK);
	s->end = match->span.ptr + match->span.len;
	return PDB_OK;
}

/* Lines of paths; the JSON behind an empty one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *paths[PATH_COUNT_MAX];
	pdb_option_list list = {paths, 0};
	path_list *compiled = NULL;
	char *text = malloc(size + 1);
	char *at = text;
	seen s = {0};

	if (text == NULL) {
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	while (list.count < PATH_COUNT_MAX && *at != '\0' && *at != '\n') {
		char *end = strchr(at, '\n');

		if (end == NULL) {
			break;
		}
		*end = '\0';
		if (path_judge(at) == NULL) {
			paths[list.count++] = at;
		}
		at = end + 1;
	}
	if (pdb_json_check(pdb_slice_of(at, size - (size_t)(at - text)), &s.body, NULL) == PDB_OK) {
		must(path_list_create(&compiled, &host, &list, NULL) == PDB_OK);
		s.end = s.body.ptr;
		(void)path_list_match(compiled, &json, s.body, look, &s);
		path_list_destroy(&compiled, &host);
	}
	free(text);
	return 0;
}
