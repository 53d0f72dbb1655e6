/* SPDX-License-Identifier: Apache-2.0 */
/* Threads whose key is being exchanged: what is written to them has the new version. */
#ifndef ENCRYPTION_ROTATION_H
#define ENCRYPTION_ROTATION_H

#include <pdb/kms.h>
#include <pthread.h>
#include <stdbool.h>

/*
 * The note of a thread changes with the first record that is written under the new version, in the
 * same transaction; from this table the hook knows that it is to change. It is kept in memory only:
 * the job that fills it does so again after a restart. Threads: any.
 */
#define ROTATIONS_MAX 64u

typedef struct rotation {
	char thread[PDB_KMS_THREAD_SIZE];
	uint32_t version;
} rotation;

typedef struct rotations {
	pthread_mutex_t lock;
	size_t count;
	rotation list[ROTATIONS_MAX];
} rotations;

void rotations_init(rotations *all);
void rotations_fini(rotations *all);
/* False when there are too many. */
bool rotations_set(rotations *all, pdb_slice thread, uint32_t version);
void rotations_end(rotations *all, pdb_slice thread);
/* The version to write with; 0 = the note's. */
uint32_t rotations_get(rotations *all, pdb_slice thread);

#endif
