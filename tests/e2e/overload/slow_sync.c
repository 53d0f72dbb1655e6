/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a server: each sync waits as many milliseconds as the file in PDB_SLOW_SYNC says.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef int (*sync_fn)(int fd);

static void wait_as_told(void)
{
	const char *path = getenv("PDB_SLOW_SYNC");
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	char text[32] = "";
	long left = 0;

	if (file != NULL && fgets(text, sizeof(text), file) != NULL) {
		left = strtol(text, NULL, 10);
	}
	if (file != NULL) {
		(void)fclose(file);
	}
	if (left > 0) {
		struct timespec pause = {left / 1000, left % 1000 * 1000000};

		(void)nanosleep(&pause, NULL);
	}
}

static int slowly(const char *name, int fd)
{
	void *symbol = dlsym(RTLD_NEXT, name);
	sync_fn real;

	wait_as_told();
	*(void **)&real = symbol;
	return real(fd);
}

__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) int fdatasync(int fd);

int fsync(int fd)
{
	return slowly("fsync", fd);
}

int fdatasync(int fd)
{
	return slowly("fdatasync", fd);
}
