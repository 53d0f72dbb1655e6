/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: told of every change once it is on disk, by one thread. */
#include "base/mem.h"
#include "chat/chat_private.h"

/* The changes of one commit, in one piece of memory. */
struct pdb__news {
	pdb__news *next;
	uint64_t ticket;
	size_t count;
	pdb_change changes[];
};

pdb_change_kind pdb_change_kind_of(const pdb_change *change)
{
	return change->kind;
}

uint64_t pdb_change_position(const pdb_change *change)
{
	return change->position;
}

pdb_slice pdb_change_thread(const pdb_change *change)
{
	return change->thread;
}

pdb_slice pdb_change_message(const pdb_change *change)
{
	return change->message;
}

uint64_t pdb_change_seq(const pdb_change *change)
{
	return change->seq;
}

uint32_t pdb_change_version(const pdb_change *change)
{
	return change->version;
}

void pdb__news_destroy(pdb__news **news)
{
	pdb_mem_free(*news);
	*news = NULL;
}

static pdb_slice pack_text(uint8_t **at, pdb_slice text)
{
	pdb_slice packed = pdb_slice_of(*at, text.len);

	if (text.len > 0) {
		memcpy(*at, text.ptr, text.len);
	}
	*at += text.len;
	return packed;
}

pdb_status pdb__feed_pack(const pdb__feed *feed, const pdb__note *notes, pdb__news **out,
			  pdb_err *err)
{
	size_t count = 0;
	size_t text = 0;
	pdb__news *news;
	uint8_t *at;

	if (!feed->started || notes == NULL) {
		return PDB_OK;
	}
	if (atomic_load(&feed->queued) >= PDB__FEED_MAX) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "The listeners lag behind; try again.");
	}
	for (const pdb__note *note = notes; note != NULL; note = note->next) {
		count++;
		text += note->change.thread.len + note->change.message.len;
	}
	news = pdb_mem_alloc(sizeof(*news) + count * sizeof(pdb_change) + text);
	if (news == NULL) {
		return pdb__no_memory(err);
	}
	news->next = NULL;
	news->count = count;
	at = (uint8_t *)&news->changes[count];
	/* Notes are kept with the latest first. */
	for (const pdb__note *note = notes; note != NULL; note = note->next) {
		pdb_change *change = &news->changes[--count];

		*change = note->change;
		change->thread = pack_text(&at, note->change.thread);
		change->message = pack_text(&at, note->change.message);
	}
	*out = news;
	return PDB_OK;
}

void pdb__feed_post(pdb__feed *feed, pdb__news *news, uint64_t ticket)
{
	news->ticket = ticket;
	for (size_t i = 0; i < news->count; i++) {
		news->changes[i].position = ticket;
	}
	(void)atomic_fetch_add(&feed->queued, 1);
	(void)pthread_mutex_lock(&feed->lock);
	if (feed->last != NULL) {
		feed->last->next = news;
	} else {
		feed->first = news;
	}
	feed->last = news;
	(void)pthread_cond_signal(&feed->wake);
	(void)pthread_mutex_unlock(&feed->lock);
}

static void news_tell(const pdb__feed *feed, const pdb__news *news)
{
	const pdb_socket_list *list = &feed->sockets->lists[PDB_SOCKET_LISTENER];

	pdb_store_wait(feed->store, news->ticket);
	for (size_t i = 0; i < news->count; i++) {
		for (size_t j = 0; j < list->count; j++) {
			const pdb_listener *listener = list->entries[j].ops;

			listener->told(list->entries[j].self, &news->changes[i]);
		}
	}
}

/* Takes all that is there; NULL when the feed ends. */
static pdb__news *feed_take(pdb__feed *feed)
{
	pdb__news *all;

	(void)pthread_mutex_lock(&feed->lock);
	while (feed->first == NULL && !feed->ending) {
		(void)pthread_cond_wait(&feed->wake, &feed->lock);
	}
	all = feed->first;
	feed->first = NULL;
	feed->last = NULL;
	(void)pthread_mutex_unlock(&feed->lock);
	return all;
}

static void *feed_run(void *arg)
{
	pdb__feed *feed = arg;
	pdb__news *news;

	while ((news = feed_take(feed)) != NULL) {
		while (news != NULL) {
			pdb__news *next = news->next;

			news_tell(feed, news);
			pdb__news_destroy(&news);
			(void)atomic_fetch_sub(&feed->queued, 1);
			news = next;
		}
	}
	return NULL;
}

pdb_status pdb__feed_init(pdb__feed *feed, const pdb_sockets *sockets, pdb_store *store,
			  pdb_err *err)
{
	feed->sockets = sockets;
	feed->store = store;
	if (sockets->lists[PDB_SOCKET_LISTENER].count == 0) {
		return PDB_OK;
	}
	(void)pthread_mutex_init(&feed->lock, NULL);
	(void)pthread_cond_init(&feed->wake, NULL);
	if (pthread_create(&feed->thread, NULL, feed_run, feed) != 0) {
		(void)pthread_cond_destroy(&feed->wake);
		(void)pthread_mutex_destroy(&feed->lock);
		return pdb_err_set(err, PDB_EBUSY, NULL, "cannot start the listeners' thread");
	}
	feed->started = true;
	return PDB_OK;
}

void pdb__feed_fini(pdb__feed *feed)
{
	if (!feed->started) {
		return;
	}
	(void)pthread_mutex_lock(&feed->lock);
	feed->ending = true;
	(void)pthread_cond_signal(&feed->wake);
	(void)pthread_mutex_unlock(&feed->lock);
	(void)pthread_join(feed->thread, NULL);
	(void)pthread_cond_destroy(&feed->wake);
	(void)pthread_mutex_destroy(&feed->lock);
	feed->started = false;
}
