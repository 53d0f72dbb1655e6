/* SPDX-License-Identifier: Apache-2.0 */
/* A host with just enough in it to call an extension: its requests, records and runs are plain. */
#ifndef PDB_TEST_FAKE_HOST_H
#define PDB_TEST_FAKE_HOST_H

#include "plugin/loader.h"

struct pdb_request {
	const char *param;
	int status;
	char header[64];
	char type[64];
	char reply[256];
};

struct pdb_record {
	pdb_slice body;
	char attachment[64];
};

struct pdb_job_run {
	char state[64];
	bool done;
};

extern const pdb_host fake_host;
/* How often log() was called. */
extern unsigned fake_host_lines;

#endif
