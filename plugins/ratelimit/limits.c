/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to rates. */
#include "limits.h"

#define SECOND   INT64_C(1000000000)
#define RATE_MAX 1000000000

#define NUMBER(key_, member_, fallback_, max_, unit_, env_, help_)                                 \
	{                                                                                          \
		(key_), PDB_OPTION_INT, PDB_OPTION_RELOADABLE, offsetof(limits_settings, member_), \
			(fallback_), 0, (max_), NULL, (unit_), (env_), (help_)                     \
	}

const pdb_option limits_options[LIMITS_OPTION_COUNT] = {
	NUMBER("security.rate_limit.rps", rps, "0", RATE_MAX, "requests per second", "RATE_RPS",
	       "Requests of one caller (a signed user, else a key, else an address); 0 means any."),
	NUMBER("security.rate_limit.burst", burst, "0", RATE_MAX, "requests", "RATE_BURST",
	       "Requests that a caller may make at once; 0 means those of one second."),
	NUMBER("security.rate_limit.per_key.rps", key_rps, "0", RATE_MAX, "requests per second",
	       NULL, "Requests with one key, of all its users together; 0 means any."),
	NUMBER("security.rate_limit.per_key.burst", key_burst, "0", RATE_MAX, "requests", NULL,
	       "Requests that may come with one key at once; 0 means those of one second."),
	NUMBER("security.rate_limit.per_address.rps", address_rps, "0", RATE_MAX,
	       "requests per second", NULL,
	       "Requests from one address (IPv6: a /64), judged before keys; 0 means any."),
	NUMBER("security.rate_limit.per_address.burst", address_burst, "0", RATE_MAX, "requests",
	       NULL,
	       "Requests that may come from an address at once; 0 means those of one second."),
	{"security.rate_limit.costs", PDB_OPTION_TREE, PDB_OPTION_RELOADABLE,
	 offsetof(limits_settings, costs), NULL, 0, 0, NULL, NULL, NULL,
	 "What a request counts, by method and route; a batch counts 10 and all else 1."},
	NUMBER("security.failed_auth.per_minute", failed_per_minute, "20", 1000000,
	       "tries per minute", NULL,
	       "Failed tries to identify, from one address (IPv6: a /64); 0 means any."),
	NUMBER("security.concurrency.total", concurrency_total, "0", 1000000, "requests", NULL,
	       "Requests worked on at once, more are answered 503; 0 means any."),
	NUMBER("security.concurrency.per_address", concurrency_address, "0", 1000000, "requests",
	       NULL,
	       "Requests of one address worked on at once, more are answered 429; 0 means any."),
};

static void check_burst(const char *key, int64_t rps, int64_t burst, pdb_problem_fn problem,
			void *arg)
{
	if (rps == 0 && burst > 0) {
		problem(arg, key, "has no effect while rps is 0, which switches the limit off");
	}
	/* the time in which a bucket fills is counted in nanoseconds */
	if (rps > 0 && burst / rps > 86400) {
		problem(arg, key, "takes more than a day to come back at this rps");
	}
}

void limits_check(const void *all, pdb_problem_fn problem, void *arg)
{
	const limits_settings *settings = all;
	pdb_err err = {0};

	if (settings->rps > 0) {
		check_burst("security.rate_limit.burst", settings->rps, settings->burst, problem,
			    arg);
	}
	check_burst("security.rate_limit.per_key.burst", settings->key_rps, settings->key_burst,
		    problem, arg);
	check_burst("security.rate_limit.per_address.burst", settings->address_rps,
		    settings->address_burst, problem, arg);
	if (costs_judge(settings->costs, &err) != PDB_OK) {
		problem(arg, "security.rate_limit.costs", err.text);
	}
}

static limit make(const char *name, int64_t rps, int64_t burst)
{
	limit made = {0};

	if (rps > 0) {
		int64_t seconds;

		made.rate.interval = SECOND / rps;
		made.rate.burst = burst > 0 ? burst : rps;
		seconds = (made.rate.burst + rps - 1) / rps;
		(void)snprintf(made.name, sizeof(made.name), "\"%s\"", name);
		(void)snprintf(made.policy, sizeof(made.policy), "\"%s\";q=%lld;w=%lld", name,
			       (long long)made.rate.burst, (long long)seconds);
	}
	return made;
}

/* A bucket that is full gives its burst at once and then what comes meanwhile, so half of the
 * tries are the burst: then no minute, wherever it begins, sees more than there may be. */
static bucket_rate make_failed(int64_t per_minute)
{
	bucket_rate rate = {0, 0};

	if (per_minute > 0) {
		int64_t later = per_minute / 2;

		rate.burst = per_minute - later;
		rate.interval = later > 0 ? 60 * SECOND / later : 60 * SECOND;
	}
	return rate;
}

pdb_status limits_create(limits **out, const pdb_host *host, const limits_settings *settings,
			 pdb_err *err)
{
	limits *made = host->alloc(sizeof(*made));
	pdb_status status;

	*out = NULL;
	if (made == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the limits");
	}
	made->caller = make("caller", settings->rps, settings->burst);
	made->key = make("key", settings->key_rps, settings->key_burst);
	made->address = make("address", settings->address_rps, settings->address_burst);
	made->failed = make_failed(settings->failed_per_minute);
	made->concurrency_total = (unsigned)settings->concurrency_total;
	made->concurrency_address = (unsigned)settings->concurrency_address;
	status = costs_read(host, &made->costs, settings->costs, err);
	if (status != PDB_OK) {
		host->free(made);
		return status;
	}
	*out = made;
	return PDB_OK;
}

void limits_destroy(const pdb_host *host, limits **gone)
{
	if (*gone == NULL) {
		return;
	}
	costs_fini(host, &(*gone)->costs);
	host->free(*gone);
	*gone = NULL;
}
