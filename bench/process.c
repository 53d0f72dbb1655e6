/* SPDX-License-Identifier: Apache-2.0 */
/* What another process has used, from /proc. */
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t read_proc(long pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *file;
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	file = fopen(path, "re");
	if (file != NULL) {
		len = fread(text, 1, size - 1, file);
		(void)fclose(file);
	}
	text[len] = '\0';
	return len;
}

/* The number that stands behind `skip` blanks. */
static uint64_t field(const char *text, unsigned skip)
{
	while (skip > 0 && *text != '\0') {
		skip -= *text++ == ' ';
	}
	return strtoull(text, NULL, 10);
}

pdb_process_use pdb_process_use_read(long pid)
{
	pdb_process_use use = {0};
	char text[4096];
	const char *after;

	if (pid <= 0 || read_proc(pid, "stat", text, sizeof(text)) == 0) {
		return use;
	}
	/* The name of the program, in parentheses, may hold anything; user and system time are the
	 * 12th and 13th behind it. */
	after = strrchr(text, ')');
	if (after != NULL) {
		use.cpu_seconds = (double)(field(after, 12) + field(after, 13)) /
				  (double)sysconf(_SC_CLK_TCK);
	}
	if (read_proc(pid, "statm", text, sizeof(text)) > 0) {
		use.rss_bytes = field(text, 1) * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	return use;
}
