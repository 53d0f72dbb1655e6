/* SPDX-License-Identifier: Apache-2.0 */
/* What a request costs, by its route. */
#ifndef PDB_RATELIMIT_COSTS_H
#define PDB_RATELIMIT_COSTS_H

#include <pdb/host.h>

#define COSTS_MAX    64u
#define COST_HIGHEST 10000

typedef struct cost {
	pdb_method method;
	char *pattern;
	int64_t tokens;
} cost;

/* Patterns are of the host's allocator. */
typedef struct costs {
	cost items[COSTS_MAX];
	size_t count;
} costs;

/*
 * Reads {"POST /v1/threads": 5, …}, which is laid over the costs that are built in. Owns: the
 * caller, costs_fini. Errors: PDB_EINVAL with a sentence, PDB_ENOMEM.
 */
pdb_status costs_read(const pdb_host *host, costs *out, const char *json, pdb_err *err);
void costs_fini(const pdb_host *host, costs *list);
/* Judges without keeping anything. */
pdb_status costs_judge(const char *json, pdb_err *err);

/* 1 unless said otherwise; HEAD costs what GET does. */
int64_t costs_of(const costs *list, pdb_method method, const char *route);

#endif
