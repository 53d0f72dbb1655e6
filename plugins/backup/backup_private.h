/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef PDB_BACKUP_PLUGIN_PRIVATE_H
#define PDB_BACKUP_PLUGIN_PRIVATE_H

#include <pdb/control.h>
#include <pdb/pdb.h>
#include <pthread.h>
#include <stdatomic.h>

#define SECOND    INT64_C(1000000000)
#define PATH_ROOM 4096

typedef struct backup_settings {
	const char *directory;
	int64_t period; /* nanoseconds; 0 = only when asked */
	int64_t keep;
	bool incremental;
} backup_settings;

/* What is in force: a copy, because the settings live only until the next reload. */
typedef struct backup_rules {
	char directory[PATH_ROOM];
	int64_t period;
	uint32_t keep;
	bool incremental;
} backup_rules;

/*
 * The thread that makes one backup. `job` names the run it works for, "" = it has no work; what
 * comes of it is there when `ended`, and taken by that run's next step.
 * Threads: the fields are those of the steps but for the atomic ones and, until `ended`, what the
 * thread writes: result, status and err.
 */
typedef struct backup_maker {
	pthread_t thread;
	char job[PDB_JOB_ID_SIZE];
	char directory[PATH_ROOM];
	pdb_backup_params params;
	pdb_backup_result result;
	pdb_status status;
	pdb_err err;
	atomic_bool ended;
	atomic_bool cancel;
	atomic_uint_fast64_t done;
	atomic_uint_fast64_t total;
} backup_maker;

typedef struct backup {
	const pdb_host *host;
	pdb_plugin *plugin;
	pthread_rwlock_t lock; /* guards `now` and `last` */
	backup_rules now;
	pdb_backup_result last; /* size 0 = none since the start */
	int64_t last_end;
	backup_maker maker;
	pdb_series *runs[2]; /* done, failed */
	pdb_series *ended_at;
	pdb_series *bytes;
	pdb_series *written;
} backup;

void backup_rules_get(backup *self, backup_rules *out);
void backup_rules_read(backup_rules *out, const backup_settings *settings);

/* Starts the thread for a run. Errors: PDB_EUNAVAILABLE. */
pdb_status backup_maker_start(backup *self, const char *job, const backup_rules *rules, bool full,
			      pdb_err *err);
/* Waits for its end, which comes soon when `cancel` is set; nothing for one without work. */
void backup_maker_join(backup *self);

extern const pdb_job backup_job; /* self of each: a backup */
extern const pdb_job backup_schedule_job;
extern const pdb_route backup_start_route;
extern const pdb_route backup_show_route;

#endif
