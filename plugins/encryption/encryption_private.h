/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef ENCRYPTION_PRIVATE_H
#define ENCRYPTION_PRIVATE_H

#include <pdb/pdb.h>
#include <pthread.h>

#include "bodycache.h"
#include "keeper.h"
#include "keycache.h"
#include "path.h"
#include "rotation.h"

#define COMPONENT "encryption"

typedef struct encryption_settings {
	bool use;
	pdb_option_list fields;
	int64_t entries;
	int64_t ttl;
	int64_t prepared;
	int64_t memory;
	int64_t bodies;
} encryption_settings;

/* What is seldom and counted, beside the cache. */
typedef struct encryption_counts {
	_Atomic uint64_t refused;    /* writes, for want of a key */
	_Atomic uint64_t unreadable; /* records that did not open */
} encryption_counts;

typedef struct encryption {
	const pdb_host *host;
	keycache *cache;
	keeper *keeper;
	bodycache *bodies;
	const pdb_kms_ops *ops; /* from start() on */
	void *kms;
	char database_id[80];
	pdb_slice database; /* that one */
	pthread_rwlock_t lock;
	path_list *paths; /* under the lock */
	bool use;         /* the same */
	rotations rotations;
	encryption_counts counts;
	pdb_series *sealed; /* NULL without metrics, as the next one */
	pdb_series *opened;
} encryption;

extern const pdb_record_hook encryption_hook;

/* Destroys a key, here too. Errors: as pdb_kms_ops.destroy. */
pdb_status encryption_destroy(encryption *self, const char *id, const char *actor, pdb_err *err);
/* Tells administrators of the key that a note names. */
void encryption_show(void *state, pdb_slice bytes, pdb_member_fn add, void *arg);
/* Registers jobs and routes. */
pdb_status encryption_offer(encryption *self, pdb_plugin *plugin, pdb_err *err);
/* Declares the metrics. */
pdb_status encryption_measure(encryption *self, pdb_plugin *plugin, pdb_err *err);

#endif
