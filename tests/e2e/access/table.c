/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the access table: action, method, path, then thread and message for each kind of caller.
 */
#include <stdio.h>

#include "chat/access.h"

#define LINE(action_, method_, path_)                {PDB_ACTION_##action_, #action_, #method_, path_},
#define CALL(action_, handler_, method_, path_, ...) LINE(action_, method_, path_)
#define ALIAS(action_, handler_, method_, path_)     LINE(action_, method_, path_)

static const struct {
	pdb_action action;
	const char *name;
	const char *method;
	const char *path;
} routes[] = {PDB_ACCESS_MAP(CALL, ALIAS)};

int main(void)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		(void)printf("%s %s %s", routes[i].name, routes[i].method, routes[i].path);
		for (size_t who = 0; who < PDB_STANDINGS; who++) {
			const pdb_access_rule *rule = &pdb_access_rules[routes[i].action][who];

			(void)printf(" %.3s %.3s", rule->thread, rule->message);
		}
		(void)putchar('\n');
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
