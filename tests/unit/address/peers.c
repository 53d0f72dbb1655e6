/* SPDX-License-Identifier: Apache-2.0 */
/* Reads cases, runs the gate, and tells the peer of each. */
#include <stdio.h>

#include "gatehouse.h"

#define WORDS_MAX 32u

/*
 * A line is words with a tab behind each: "settings", the kind (0 or 1) and the proxies; or "case",
 * the address of the connection and the fields in their order.
 */
static size_t split(char *line, char **words)
{
	size_t count = 0;
	char *at = line;
	char *end;

	while (count < WORDS_MAX && (end = strchr(at, '\t')) != NULL) {
		*end = '\0';
		words[count++] = at;
		at = end + 1;
	}
	return count;
}

static bool configure(char **words, size_t count)
{
	gatehouse_settings settings = {.kind = words[1][0] == '1'};
	pdb_err err = {0};

	settings.proxies = (pdb_option_list){(const char *const *)(words + 2), count - 2};
	gatehouse_ops()->fini(&gatekeeper);
	if (gatehouse_open(&settings, &err) != PDB_OK) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	return true;
}

static bool judge(char **words, size_t count, const char *name)
{
	pdb_request request = {.socket_peer = words[1]};
	pdb_err err = {0};

	for (size_t i = 2; i < count; i++) {
		fake_header(&request, name, words[i]);
	}
	if (gate->enter(gatekeeper, &request, &err) != PDB_OK) {
		return false;
	}
	puts(pdb_request_peer(&request));
	fake_request_fini(&request);
	return true;
}

int main(void)
{
	static char line[65536];
	const char *name = "";
	bool ok = true;

	while (ok && fgets(line, sizeof(line), stdin) != NULL) {
		char *words[WORDS_MAX];
		size_t count = split(line, words);

		if (count >= 2 && strcmp(words[0], "settings") == 0) {
			ok = configure(words, count);
			name = words[1][0] == '1' ? "forwarded" : "x-forwarded-for";
		} else {
			ok = count >= 2 && judge(words, count, name);
		}
	}
	gatehouse_ops()->fini(&gatekeeper);
	return ok ? 0 : 1;
}
