/* SPDX-License-Identifier: Apache-2.0 */
/* A job of a server, as its API shows it, and waiting for its end. */
#ifndef PDB_TOOLS_JOB_H
#define PDB_TOOLS_JOB_H

#include "tools/client.h"
#include "tools/progress.h"

/* Texts hold nothing that a terminal would take for orders. */
typedef struct pdb_job_report {
	char id[64];
	char name[64];
	char state[16];
	char error[512];
	char result[2048]; /* JSON; "" = none */
	uint64_t done;
	uint64_t total; /* 0 = not known */
} pdb_job_report;

void pdb_job_report_read(pdb_slice object, pdb_job_report *out);

/* One GET; PDB_EXIT_OK when it was answered with 200. What is wrong is told. */
pdb_exit pdb_job_ask(pdb_client *client, const char *path, uint64_t retry, pdb_call **call_out);

/*
 * Looks at the job `id` and, with `progress`, goes on looking and showing until it has ended.
 * `retry` is how many seconds a server may be busy or away. What is wrong is told.
 */
pdb_exit pdb_job_follow(pdb_client *client, const char *id, uint64_t retry, pdb_progress *progress,
			pdb_job_report *out);

/* PDB_EXIT_NO for one that failed or was cancelled. */
pdb_exit pdb_job_verdict(const pdb_job_report *job);

#endif
