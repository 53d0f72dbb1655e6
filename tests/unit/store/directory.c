/* SPDX-License-Identifier: Apache-2.0 */
/* The database directory: made private, refused when others may write, locked for one. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_backend.h"

static void init(void)
{
	fake_init();
	fake.ops.capabilities |= PDB_STORAGE_DIRECTORY;
}

TestSuite(directory, .init = init, .fini = fake_clean);

Test(directory, is_made_with_its_parents_for_the_owner)
{
	char path[128];
	struct stat info;
	pdb__directory directory = PDB__DIRECTORY_CLOSED;
	pdb_err err = {0};

	(void)snprintf(path, sizeof(path), "%s/a//b/", fake.directory);
	cr_assert_eq(pdb__directory_open(&directory, path, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(fstat(directory.fd, &info), 0);
	cr_expect_eq(info.st_mode & 0777, 0700);
	pdb__directory_close(&directory);
	pdb__directory_close(&directory);
}

Test(directory, relative_paths_are_refused)
{
	pdb__directory directory = PDB__DIRECTORY_CLOSED;

	cr_expect_eq(pdb__directory_open(&directory, "data", NULL), PDB_EINVAL);
	cr_expect_eq(pdb__directory_open(&directory, "", NULL), PDB_EINVAL);
}

Test(directory, writable_by_others_is_refused_with_the_fix)
{
	const mode_t modes[] = {0720, 0702, 0777};
	pdb_err err = {0};

	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(chmod(fake.directory, modes[i]), 0);
		fake_refused(PDB_EDENIED, &err);
		cr_expect_not_null(strstr(err.text, "chmod go-w"), "%s", err.text);
	}
	cr_expect_eq(fake.opened, 0, "the engine never saw it");
	cr_assert_eq(chmod(fake.directory, 0755), 0);
	pdb_store *store = fake_open();
	pdb_store_close(&store);
}

Test(directory, of_another_owner_is_refused)
{
	pdb_err err = {0};

	if (geteuid() != 0) {
		cr_skip_test("only root can give a directory away");
	}
	cr_assert_eq(chown(fake.directory, 12345, (gid_t)-1), 0);
	fake_refused(PDB_EDENIED, &err);
	cr_expect_not_null(strstr(err.text, "12345"), "%s", err.text);
}

Test(directory, a_file_in_its_place_is_refused)
{
	char path[128];
	pdb__directory directory = PDB__DIRECTORY_CLOSED;

	(void)snprintf(path, sizeof(path), "%s/file", fake.directory);
	(void)close(open(path, O_CREAT | O_WRONLY, 0600));
	cr_expect_eq(pdb__directory_open(&directory, path, NULL), PDB_EBACKEND);
}

Test(directory, belongs_to_one_store_at_a_time)
{
	pdb_store *store = fake_open();
	pdb_err err = {0};
	char pid[24];

	fake_refused(PDB_EBUSY, &err);
	(void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	cr_expect_not_null(strstr(err.text, pid), "%s", err.text);
	cr_expect_eq(fake.opened, 1, "the engine was not asked");
	pdb_store_close(&store);
	store = fake_open();
	pdb_store_close(&store);
}

Test(directory, a_stale_pid_does_not_lock)
{
	char path[128];
	int fd;
	pdb_store *store;

	(void)snprintf(path, sizeof(path), "%s/" PDB__LOCK_NAME, fake.directory);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(write(fd, "1\n", 2), 2);
	(void)close(fd);
	store = fake_open();
	pdb_store_close(&store);
}

Test(directory, has_a_ballast)
{
	char path[128];
	struct stat info;
	pdb_store *store = fake_open();

	(void)snprintf(path, sizeof(path), "%s/" PDB__BALLAST_NAME, fake.directory);
	cr_assert_eq(stat(path, &info), 0);
	cr_expect_eq(info.st_size, PDB__BALLAST_BYTES);
	cr_expect_geq(info.st_blocks * 512, PDB__BALLAST_BYTES, "really there, no hole");
	pdb_store_close(&store);
}

Test(directory, a_backend_without_files_needs_none)
{
	pdb_store *store;

	fake.ops.capabilities &= ~(uint32_t)PDB_STORAGE_DIRECTORY;
	cr_assert_eq(chmod(fake.directory, 0777), 0);
	store = fake_open();
	pdb_store_close(&store);
}

Test(directory, backup_wants_an_empty_one)
{
	char path[128];
	pdb_err err = {0};

	cr_expect_eq(pdb__directory_make_empty(fake.directory, &err), PDB_OK, "%s", err.text);
	(void)snprintf(path, sizeof(path), "%s/file", fake.directory);
	(void)close(open(path, O_CREAT | O_WRONLY, 0600));
	cr_expect_eq(pdb__directory_make_empty(fake.directory, &err), PDB_EEXISTS);
}
