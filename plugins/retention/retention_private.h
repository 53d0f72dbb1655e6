/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef PDB_RETENTION_PRIVATE_H
#define PDB_RETENTION_PRIVATE_H

#include <pdb/pdb.h>
#include <pthread.h>

#include "cron.h"

#define SECOND INT64_C(1000000000)

typedef struct retention_settings {
	bool enabled;
	const char *cron;
	int64_t period; /* nanoseconds, as the next two */
	int64_t min_period;
	int64_t grace;
	int64_t batch_size;
	int64_t batch_sleep_ms;
	bool dry_run;
	bool paused;
} retention_settings;

/* What is in force: a copy, because the settings live only until the next reload. */
typedef struct rules {
	bool enabled;
	bool paused;
	bool dry_run;
	cron schedule;
	char cron_text[128];
	int64_t period;
	int64_t grace;
	int64_t batch_size;
	int64_t batch_sleep;
} rules;

/* What a run has done so far. */
typedef struct tally {
	uint64_t threads;
	uint64_t messages;
	uint64_t held;
} tally;

typedef struct retention {
	const pdb_host *host;
	pdb_plugin *plugin;
	pthread_rwlock_t lock; /* guards `now` */
	rules now;
	pthread_mutex_t last_lock; /* guards what is below, which is for people */
	int64_t next_due;          /* seconds since 1970; 0 = not known */
	int64_t last_started;
	int64_t last_ended;
	tally last;
	pdb_series *purged[2]; /* threads, messages */
	pdb_series *held;
	pdb_series *runs;
	pdb_series *ended_at;
} retention;

rules retention_rules(retention *self);
void retention_rules_read(rules *out, const retention_settings *settings);

extern const pdb_job retention_job; /* self of each: a retention */
extern const pdb_route retention_run_route;
extern const pdb_route retention_show_route;

#endif
