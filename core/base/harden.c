/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that holds keys gives up. */
#include "base/harden.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool pdb_harden_process(void)
{
	const struct rlimit none = {0, 0};
	bool no_core = setrlimit(RLIMIT_CORE, &none) == 0;

	/* the limit does not hold for a core that is piped to a program; this does */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && no_core;
}

static bool is_variable(const char *entry, const char *name)
{
	size_t len = name != NULL ? strlen(name) : 0;

	return name == NULL || (strncmp(entry, name, len) == 0 && entry[len] == '=');
}

void pdb_harden_environment(const char *name)
{
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
		char *value = is_variable(*entry, name) ? strchr(*entry, '=') : NULL;

		if (value != NULL) {
			explicit_bzero(value + 1, strlen(value + 1));
		}
	}
	if (name == NULL) {
		(void)clearenv();
	} else {
		(void)unsetenv(name);
	}
}
