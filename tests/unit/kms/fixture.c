/* SPDX-License-Identifier: Apache-2.0 */
/* A keyring in a directory of its own, and its files under the knife. */
#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host.h"

const pdb_host fixture_host = {
	PDB_HOST_BASE,
};

char fixture_directory[256];
pdb_keyring *fixture;

void fixture_make(void)
{
	const char *base = getenv("TMPDIR");

	cr_assert_geq(sodium_init(), 0);
	pdb_log_set_level(PDB_LOG_ERROR);
	(void)snprintf(fixture_directory, sizeof(fixture_directory), "%s/pdb-keyring-XXXXXX",
		       base != NULL ? base : "/tmp");
	cr_assert_not_null(mkdtemp(fixture_directory));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

void fixture_clean(void)
{
	pdb_keyring_close(&fixture);
	(void)nftw(fixture_directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

pdb_status fixture_try(pdb_err *err)
{
	const pdb_keyring_params params = {.host = &fixture_host,
					   .directory = fixture_directory,
					   .master_key_hex = FIXTURE_HEX};

	return pdb_keyring_open(&fixture, &params, err);
}

void fixture_open(void)
{
	pdb_err err = {0};

	cr_assert_eq(fixture_try(&err), PDB_OK, "%s", err.text);
}

void fixture_close(void)
{
	pdb_keyring_close(&fixture);
	cr_assert_null(fixture);
}

pdb_kms_key fixture_key(const char *thread, uint8_t *dek)
{
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_err err = {0};

	cr_assert_eq(pdb_keyring_create(fixture, "tester", pdb_slice_text(thread), &key, &err),
		     PDB_OK, "%s", err.text);
	return key;
}

pdb_status fixture_unwrap(const char *id, uint32_t version, uint8_t *dek)
{
	const pdb_keyring_which which = {.who = "tester", .id = id, .version = version};
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_err err = {0};

	return pdb_keyring_unwrap(fixture, &which, &key, &err);
}

static void path_of(const char *name, char out[512])
{
	(void)snprintf(out, 512, "%s/%s", fixture_directory, name);
}

uint8_t *fixture_read(const char *name, size_t *len_out)
{
	char path[512];
	struct stat info;
	uint8_t *bytes;
	int fd;

	path_of(name, path);
	fd = open(path, O_RDONLY);
	cr_assert(fd >= 0 && fstat(fd, &info) == 0, "%s", path);
	bytes = malloc((size_t)info.st_size + 1);
	cr_assert_not_null(bytes);
	cr_assert_eq(read(fd, bytes, (size_t)info.st_size), info.st_size);
	(void)close(fd);
	bytes[info.st_size] = '\0';
	*len_out = (size_t)info.st_size;
	return bytes;
}

void fixture_write(const char *name, const void *bytes, size_t len)
{
	char path[512];
	int fd;

	path_of(name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	(void)close(fd);
}

void fixture_remove(const char *name)
{
	char path[512];

	path_of(name, path);
	cr_assert_eq(unlink(path), 0, "%s", path);
}

bool fixture_has(const char *name)
{
	char path[512];

	path_of(name, path);
	return access(path, F_OK) == 0;
}

unsigned long fixture_count(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : fallback;
}
