/* SPDX-License-Identifier: Apache-2.0 */
/* Keys wrapped anew in a directory of its own, against bare cryptography in memory. */
#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "base/log.h"
#include "keyring/keyring.h"
#include "keyring/wrap.h"

#define KEYS_MAX   1000000UL
#define MAKE       1000u /* keys made at once */
#define STEP       500u  /* as the job takes them */
#define ONE_BY_ONE 1000u
#define MASTER     "9f3c1a77e05b42d8866e1fca9d30b7245a81c6ef0d92347bb8e15f60a3c7d914"
#define ME         "bench"

static const pdb_host host = {PDB_HOST_BASE};
static char directory[4096];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

static void clean(void)
{
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void must(pdb_status status, const pdb_err *err)
{
	if (status != PDB_OK) {
		(void)fprintf(stderr, "bench_rewrap: %s\n", err->text);
		exit(1);
	}
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_row(const char *name, size_t keys, double seconds, double ceiling)
{
	double rate = (double)keys / seconds;

	(void)printf("%-28s %8zu %10.0f %6.3f\n", name, keys, rate, rate / ceiling);
}

/* Opens and seals in memory, nothing else: what every key needs at least. */
static double run_ceiling(size_t keys)
{
	static const uint8_t id[PDB__WRAP_ID] = {1};
	const pdb__wrap_context context = {.label = "pdb/w1",
					   .instance = id,
					   .key_id = id,
					   .kek_id = id,
					   .version = 1,
					   .kek_version = 1};
	uint8_t secret[PDB__WRAP_SECRET], blob[PDB__WRAP_SIZE];
	pdb__wrap_keys wrap;
	pdb_err err = {0};
	double began;

	randombytes_buf(secret, sizeof(secret));
	pdb__wrap_split(&wrap, secret);
	pdb__wrap_seal(&wrap, &context, secret, blob);
	began = now();
	for (size_t i = 0; i < keys; i++) {
		must(pdb__wrap_open(&wrap, &context, pdb_slice_of(blob, sizeof(blob)), secret,
				    &err),
		     &err);
		pdb__wrap_seal(&wrap, &context, secret, blob);
	}
	return (double)keys / (now() - began);
}

static void make_keys(pdb_keyring *keyring, size_t count)
{
	static pdb_kms_key keys[MAKE];
	pdb_err err = {0};

	for (size_t made = 0; made < count; made += MAKE) {
		for (size_t i = 0; i < MAKE; i++) {
			keys[i] = (pdb_kms_key){.size = sizeof(keys[i])};
		}
		must(pdb_keyring_prepare(keyring, ME, keys, MAKE, &err), &err);
	}
}

static void rotate(pdb_keyring *keyring)
{
	uint32_t version;
	pdb_err err = {0};

	must(pdb_keyring_rotate_kek(keyring, ME, &version, &err), &err);
}

typedef pdb_status pass_fn(pdb_keyring *, const char *, uint32_t, pdb_kms_progress *, pdb_err *);

static void run_pass(pdb_keyring *keyring, pass_fn *pass, const char *name, double ceiling)
{
	pdb_kms_progress progress = {.size = sizeof(progress)};
	pdb_err err = {0};
	double began = now();

	while (progress.finished == 0) {
		must(pass(keyring, ME, STEP, &progress, &err), &err);
	}
	print_row(name, progress.done, now() - began, ceiling);
	if (progress.failed > 0) {
		(void)fprintf(stderr, "bench_rewrap: %llu keys failed\n",
			      (unsigned long long)progress.failed);
		exit(1);
	}
}

typedef struct ids {
	size_t count;
	char each[ONE_BY_ONE][PDB_KMS_ID_SIZE];
} ids;

static pdb_status take_id(void *arg, const pdb_kms_key *key)
{
	ids *found = arg;

	memcpy(found->each[found->count++], key->id, PDB_KMS_ID_SIZE);
	return PDB_OK;
}

static void run_one_by_one(pdb_keyring *keyring, double ceiling)
{
	static ids found;
	pdb_err err = {0};
	double began;

	must(pdb_keyring_each(keyring, "", ONE_BY_ONE, take_id, &found), &err);
	began = now();
	for (size_t i = 0; i < found.count; i++) {
		must(pdb_keyring_rewrap_key(keyring, ME, found.each[i], &err), &err);
	}
	print_row("rewrapped one by one", found.count, now() - began, ceiling);
}

int main(int argc, char **argv)
{
	size_t keys = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	const char *base = getenv("TMPDIR");
	const pdb_keyring_params params = {
		.host = &host, .directory = directory, .master_key_hex = MASTER};
	pdb_keyring *keyring = NULL;
	pdb_err err = {0};
	double ceiling;

	if (keys == 0 || keys > KEYS_MAX || sodium_init() < 0) {
		(void)fprintf(stderr, "usage: bench_rewrap [KEYS]\n");
		return 2;
	}
	(void)snprintf(directory, sizeof(directory), "%s/pdb-rewrap-XXXXXX",
		       base != NULL ? base : "/tmp");
	if (mkdtemp(directory) == NULL || atexit(clean) != 0) {
		(void)fprintf(stderr, "bench_rewrap: %s: %s\n", directory, strerror(errno));
		return 1;
	}
	pdb_log_set_level(PDB_LOG_ERROR);
	must(pdb_keyring_open(&keyring, &params, &err), &err);
	make_keys(keyring, keys);
	rotate(keyring);
	ceiling = run_ceiling(keys);
	(void)printf("%-28s %8s %10s %6s\n", "", "keys", "a second", "ratio");
	print_row("opened and sealed in memory", keys, (double)keys / ceiling, ceiling);
	run_pass(keyring, pdb_keyring_rewrap, "rewrapped, 500 a step", ceiling);
	run_pass(keyring, pdb_keyring_verify, "verified, 500 a step", ceiling);
	rotate(keyring);
	run_one_by_one(keyring, ceiling);
	pdb_keyring_close(&keyring);
	return 0;
}
