/* SPDX-License-Identifier: Apache-2.0 */
/* Threads whose key is being exchanged: what is written to them has the new version. */
#include "rotation.h"

#include <stdio.h>

void rotations_init(rotations *all)
{
	(void)pthread_mutex_init(&all->lock, NULL);
	all->count = 0;
}

void rotations_fini(rotations *all)
{
	(void)pthread_mutex_destroy(&all->lock);
}

static rotation *find(rotations *all, pdb_slice thread)
{
	for (size_t i = 0; i < all->count; i++) {
		if (pdb_slice_is(thread, all->list[i].thread)) {
			return &all->list[i];
		}
	}
	return NULL;
}

bool rotations_set(rotations *all, pdb_slice thread, uint32_t version)
{
	rotation *r;

	(void)pthread_mutex_lock(&all->lock);
	r = find(all, thread);
	if (r == NULL && all->count < ROTATIONS_MAX) {
		r = &all->list[all->count++];
		(void)snprintf(r->thread, sizeof(r->thread), "%.*s", PDB_SLICE_ARGS(thread));
	}
	if (r != NULL) {
		r->version = version;
	}
	(void)pthread_mutex_unlock(&all->lock);
	return r != NULL;
}

void rotations_end(rotations *all, pdb_slice thread)
{
	rotation *r;

	(void)pthread_mutex_lock(&all->lock);
	r = find(all, thread);
	if (r != NULL) {
		*r = all->list[--all->count];
	}
	(void)pthread_mutex_unlock(&all->lock);
}

uint32_t rotations_get(rotations *all, pdb_slice thread)
{
	const rotation *r;
	uint32_t version;

	(void)pthread_mutex_lock(&all->lock);
	r = find(all, thread);
	version = r != NULL ? r->version : 0;
	(void)pthread_mutex_unlock(&all->lock);
	return version;
}
