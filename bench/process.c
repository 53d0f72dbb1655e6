/* SPDX-License-Identifier: Apache-2.0 */
/* What another process has used, from /proc. */
#include "process.h"

#include <stdio.h>
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

pdb_process_use pdb_process_use_read(long pid)
{
	pdb_process_use use = {0};
	unsigned long long user = 0;
	unsigned long long system = 0;
	unsigned long long pages = 0;
	char text[4096];
	const char *after;

	if (pid <= 0 || read_proc(pid, "stat", text, sizeof(text)) == 0) {
		return use;
	}
	/* The name of the program, in parentheses, may hold anything; utime is the 12th behind. */
	after = strrchr(text, ')');
	if (after != NULL &&
	    sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		   &system) == 2) {
		use.cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	}
	if (read_proc(pid, "statm", text, sizeof(text)) > 0 &&
	    sscanf(text, "%*u %llu", &pages) == 1) {
		use.rss_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	return use;
}
