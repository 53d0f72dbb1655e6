/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of revoked users: a sorted table over the rows of the plugin. */
#include "revocation.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth_private.h"

static const char prefix[] = "revoked:";

#define KEY_SIZE (sizeof(prefix) + 2 * AUTH_USER_MAX)

typedef struct mark {
	int64_t at;
	size_t len;
	uint8_t user[];
} mark;

struct revocations {
	const pdb_host *host;
	pdb_plugin *plugin;
	pthread_mutex_t writing; /* one revocation at a time: row, then table */
	pthread_rwlock_t lock;   /* guards what is below */
	mark **marks;
	size_t count;
	size_t room;
};

revocations *revocations_create(const pdb_host *host, pdb_plugin *plugin)
{
	revocations *all = host->alloc(sizeof(*all));

	if (all == NULL) {
		return NULL;
	}
	memset(all, 0, sizeof(*all));
	all->host = host;
	all->plugin = plugin;
	if (pthread_rwlock_init(&all->lock, NULL) != 0) {
		host->free(all);
		return NULL;
	}
	if (pthread_mutex_init(&all->writing, NULL) != 0) {
		(void)pthread_rwlock_destroy(&all->lock);
		host->free(all);
		return NULL;
	}
	return all;
}

void revocations_destroy(revocations **all)
{
	revocations *gone = *all;

	if (gone == NULL) {
		return;
	}
	for (size_t i = 0; i < gone->count; i++) {
		gone->host->free(gone->marks[i]);
	}
	gone->host->free(gone->marks);
	(void)pthread_mutex_destroy(&gone->writing);
	(void)pthread_rwlock_destroy(&gone->lock);
	gone->host->free(gone);
	*all = NULL;
}

/* The place of the user, or the one where it belongs. */
static size_t place_of(const revocations *all, pdb_slice user, bool *found)
{
	size_t low = 0;
	size_t high = all->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const mark *m = all->marks[middle];
		int order = pdb_slice_compare(pdb_slice_of(m->user, m->len), user);

		if (order == 0) {
			*found = true;
			return middle;
		}
		low = order < 0 ? middle + 1 : low;
		high = order > 0 ? middle : high;
	}
	return low;
}

static bool make_room(revocations *all)
{
	size_t room = all->room > 0 ? 2 * all->room : 64;
	mark **grown;

	if (all->count < all->room) {
		return true;
	}
	grown = all->host->realloc(all->marks, room * sizeof(*grown));
	if (grown != NULL) {
		all->marks = grown;
		all->room = room;
	}
	return grown != NULL;
}

/* False without memory. */
static bool set(revocations *all, pdb_slice user, int64_t at)
{
	bool found;
	size_t place = place_of(all, user, &found);
	mark *made;

	if (found) {
		all->marks[place]->at = at;
		return true;
	}
	made = all->host->alloc(sizeof(*made) + user.len);
	if (made == NULL || !make_room(all)) {
		all->host->free(made);
		return false;
	}
	made->at = at;
	made->len = user.len;
	memcpy(made->user, user.ptr, user.len);
	memmove(all->marks + place + 1, all->marks + place,
		(all->count - place) * sizeof(*all->marks));
	all->marks[place] = made;
	all->count++;
	return true;
}

static size_t key_write(char out[KEY_SIZE], pdb_slice user)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = sizeof(prefix) - 1;

	memcpy(out, prefix, len);
	for (size_t i = 0; i < user.len; i++) {
		out[len++] = digits[user.ptr[i] >> 4];
		out[len++] = digits[user.ptr[i] & 15];
	}
	return len;
}

static int digit_of(uint8_t c)
{
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : -1;
}

static bool key_read(uint8_t user[AUTH_USER_MAX], size_t *len_out, pdb_slice hex)
{
	*len_out = hex.len / 2;
	if (hex.len == 0 || hex.len % 2 != 0 || *len_out > AUTH_USER_MAX) {
		return false;
	}
	for (size_t i = 0; i < *len_out; i++) {
		int high = digit_of(hex.ptr[2 * i]);
		int low = digit_of(hex.ptr[2 * i + 1]);

		if (high < 0 || low < 0) {
			return false;
		}
		user[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static pdb_status take_row(void *arg, pdb_slice key, pdb_slice value)
{
	revocations *all = arg;
	uint8_t user[AUTH_USER_MAX];
	char digits[24];
	size_t len;

	if (!key_read(user, &len, pdb_slice_skip(key, sizeof(prefix) - 1)) || value.len == 0 ||
	    value.len >= sizeof(digits)) {
		return PDB_ECORRUPT;
	}
	memcpy(digits, value.ptr, value.len);
	digits[value.len] = '\0';
	return set(all, pdb_slice_of(user, len), strtoll(digits, NULL, 10)) ? PDB_OK : PDB_ENOMEM;
}

pdb_status revocations_load(revocations *all, pdb_err *err)
{
	pdb_status status =
		all->host->rows->scan(all->plugin, PDB_SLICE("revoked:"), take_row, all, err);

	return status == PDB_OK ? PDB_OK : pdb_err_wrap(err, "cannot read the revoked users");
}

int64_t revocations_mark(revocations *all, pdb_slice user)
{
	bool found;
	int64_t at = 0;
	size_t place;

	(void)pthread_rwlock_rdlock(&all->lock);
	place = place_of(all, user, &found);
	if (found) {
		at = all->marks[place]->at;
	}
	(void)pthread_rwlock_unlock(&all->lock);
	return at;
}

/* Row first: what is answered survives. The lock of the readers is not held while it is written. */
pdb_status revocations_add(revocations *all, pdb_slice user, int64_t now, int64_t *mark_out,
			   pdb_err *err)
{
	char row_key[KEY_SIZE];
	char digits[24];
	int64_t last;
	int len;
	pdb_status status;

	(void)pthread_mutex_lock(&all->writing);
	last = revocations_mark(all, user);
	if (last == 0 && all->count >= REVOCATIONS_MAX) {
		(void)pthread_mutex_unlock(&all->writing);
		return pdb_err_set(err, PDB_EFULL, NULL, "Too many users have been revoked.");
	}
	*mark_out = now > last ? now : last + 1;
	len = snprintf(digits, sizeof(digits), "%lld", (long long)*mark_out);
	status = all->host->rows->put(all->plugin, pdb_slice_of(row_key, key_write(row_key, user)),
				      pdb_slice_of(digits, (size_t)len), err);
	if (status == PDB_OK) {
		(void)pthread_rwlock_wrlock(&all->lock);
		if (!set(all, user, *mark_out)) {
			status = pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the revocation");
		}
		(void)pthread_rwlock_unlock(&all->lock);
	}
	(void)pthread_mutex_unlock(&all->writing);
	return status;
}
