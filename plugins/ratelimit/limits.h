/* SPDX-License-Identifier: Apache-2.0 */
/* The limits in force, as the configuration gives them. */
#ifndef PDB_RATELIMIT_LIMITS_H
#define PDB_RATELIMIT_LIMITS_H

#include <pdb/host.h>
#include <pdb/option.h>

#include "bucket.h"
#include "costs.h"

typedef struct limits_settings {
	int64_t rps;
	int64_t burst;
	int64_t key_rps;
	int64_t key_burst;
	int64_t address_rps;
	int64_t address_burst;
	const char *costs;
	int64_t failed_per_minute;
	int64_t concurrency_total;
	int64_t concurrency_address;
} limits_settings;

#define LIMITS_OPTION_COUNT 10u
extern const pdb_option limits_options[LIMITS_OPTION_COUNT];
void limits_check(const void *settings, pdb_problem_fn problem, void *arg);

#define LIMITS     3u  /* that an answer tells */
#define LIMIT_TEXT 96u /* of one of them in a field, and what stands between two */

/* `policy` is what RateLimit-Policy says of it, `name` how RateLimit begins. */
typedef struct limit {
	bucket_rate rate;
	char name[16];
	char policy[LIMIT_TEXT - 2];
} limit;

/* A caller is a signed user, else a key, else an address. */
typedef struct limits {
	limit caller;
	limit key;
	limit address;
	bucket_rate failed;
	unsigned concurrency_total; /* 0 = no limit */
	unsigned concurrency_address;
	costs costs;
} limits;

/* Owns: the caller, limits_destroy. Errors: PDB_EINVAL, PDB_ENOMEM. */
pdb_status limits_create(limits **out, const pdb_host *host, const limits_settings *settings,
			 pdb_err *err);
void limits_destroy(const pdb_host *host, limits **gone);

#endif
