/* SPDX-License-Identifier: Apache-2.0 */
/* Replays corpus files through a fuzz target, for builds without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(1u << 20);
	int result = -1;

	if (file != NULL && data != NULL) {
		size_t size = fread(data, 1, 1u << 20, file);
		/* A copy of the exact size, so that a sanitizer sees a read past the end. */
		uint8_t *exact = malloc(size + 1);

		if (exact != NULL) {
			for (size_t i = 0; i < size; i++) {
				exact[i] = data[i];
			}
			exact = realloc(exact, size > 0 ? size : 1);
			(void)LLVMFuzzerTestOneInput(exact, size);
			free(exact);
			result = 0;
		}
	}
	if (file != NULL) {
		(void)fclose(file);
	}
	free(data);
	return result;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *directory = opendir(argv[i]);
		const struct dirent *entry;

		while (directory != NULL && (entry = readdir(directory)) != NULL) {
			char path[4096];

			if (entry->d_name[0] == '.') {
				continue;
			}
			(void)snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			if (replay_file(path) != 0) {
				(void)fprintf(stderr, "cannot replay %s\n", path);
				return 1;
			}
			files++;
		}
		if (directory != NULL) {
			(void)closedir(directory);
		}
	}
	(void)printf("%d inputs replayed\n", files);
	return files > 0 ? 0 : 1;
}
