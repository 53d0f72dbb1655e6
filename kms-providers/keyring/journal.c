/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: appending, making durable, compacting. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "files.h"
#include "journal_private.h"
#include "little.h"

/* A compaction writes in pieces of this size. */
#define PIECE ((size_t)1024 * 1024)

void pdb__journal_mac(const pdb__journal *journal, const uint8_t *before, pdb_slice frame,
		      uint8_t out[PDB__RECORD_MAC])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, journal->key, 32, PDB__RECORD_MAC);
	(void)crypto_generichash_update(&state, before, PDB__RECORD_MAC);
	(void)crypto_generichash_update(&state, frame.ptr, frame.len);
	(void)crypto_generichash_final(&state, out, PDB__RECORD_MAC);
	sodium_memzero(&state, sizeof(state));
}

static bool make_room(pdb__journal *journal, size_t more)
{
	size_t cap = journal->pending_cap > 0 ? journal->pending_cap : 4096;
	uint8_t *grown;

	while (cap - journal->pending_len < more) {
		cap *= 2;
	}
	if (cap == journal->pending_cap) {
		return true;
	}
	grown = journal->host->realloc(journal->pending, cap);
	if (grown != NULL) {
		journal->pending = grown;
		journal->pending_cap = cap;
	}
	return grown != NULL;
}

pdb_status pdb__journal_append(pdb__journal *journal, const pdb__record *record, pdb_err *err)
{
	uint8_t *frame;
	size_t len;

	if (!make_room(journal, 4 + PDB__RECORD_MAX + PDB__RECORD_MAC)) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a record of a key");
	}
	frame = journal->pending + journal->pending_len;
	len = pdb__journal_encode(record, frame + 4);
	(void)little_put32(frame, (uint32_t)len);
	pdb__journal_mac(journal, journal->mac, pdb_slice_of(frame, 4 + len), frame + 4 + len);
	memcpy(journal->mac, frame + 4 + len, PDB__RECORD_MAC);
	journal->pending_len += 4 + len + PDB__RECORD_MAC;
	journal->pending_records++;
	return PDB_OK;
}

void pdb__journal_forget(pdb__journal *journal)
{
	journal->pending_len = 0;
	journal->pending_records = 0;
	memcpy(journal->mac, journal->at.mac, PDB__RECORD_MAC);
}

static void publish(pdb__journal *journal)
{
	(void)pthread_mutex_lock(&journal->lock);
	journal->at.size += journal->pending_len;
	journal->at.records += journal->pending_records;
	memcpy(journal->at.mac, journal->mac, PDB__RECORD_MAC);
	journal->flushes++;
	(void)pthread_mutex_unlock(&journal->lock);
	journal->pending_len = 0;
	journal->pending_records = 0;
}

pdb_status pdb__journal_flush(pdb__journal *journal, uint64_t *ticket_out, pdb_err *err)
{
	int error = journal->failed
			    ? EIO
			    : pdb__files_put(journal->fd, journal->pending, journal->pending_len,
					     (int64_t)journal->at.size);

	if (error != 0) {
		/* half of it may be there: the file is as it was, or it is not used any more */
		if (ftruncate(journal->fd, (off_t)journal->at.size) != 0) {
			journal->failed = true;
		}
		pdb__journal_forget(journal);
		return pdb_err_set(err, pdb__files_status(error), NULL,
				   "the journal of keys cannot be written: %s", strerror(error));
	}
	publish(journal);
	*ticket_out = journal->flushes;
	return PDB_OK;
}

static int head_write(pdb__journal *journal, const pdb__journal_place *place)
{
	uint8_t slot[PDB__HEAD_SLOT];

	pdb__journal_head_encode(journal, place, ++journal->head_slot, slot);
	return pdb__files_put(journal->head_fd, slot, sizeof(slot),
			      (int64_t)(journal->head_slot % 2) * PDB__HEAD_PLACE);
}

/* One caller syncs for all whose flush was before. Holds the lock at both ends. */
static void lead(pdb__journal *journal)
{
	pdb__journal_place place = journal->at;
	uint64_t target = journal->flushes;
	int error;

	journal->syncing = true;
	(void)pthread_mutex_unlock(&journal->lock);
	error = fdatasync(journal->fd) != 0 ? errno : 0;
	if (error == 0) {
		error = head_write(journal, &place);
	}
	(void)pthread_mutex_lock(&journal->lock);
	if (error != 0) {
		journal->failed = true;
		journal->host->log(PDB_LOG_ERROR, "kms", "the journal cannot be made durable: %s",
				   strerror(error));
	} else {
		journal->synced = target;
		journal->durable = place;
	}
	journal->syncing = false;
	(void)pthread_cond_broadcast(&journal->synced_changed);
}

pdb_status pdb__journal_sync(pdb__journal *journal, uint64_t ticket, pdb_err *err)
{
	bool good;

	(void)pthread_mutex_lock(&journal->lock);
	while (!journal->failed && journal->synced < ticket) {
		if (journal->syncing) {
			(void)pthread_cond_wait(&journal->synced_changed, &journal->lock);
		} else {
			lead(journal);
		}
	}
	good = journal->synced >= ticket;
	(void)pthread_mutex_unlock(&journal->lock);
	if (!good) {
		return pdb_err_set(err, PDB_EBACKEND, NULL,
				   "the journal of keys can promise nothing any more; restart");
	}
	return PDB_OK;
}

pdb__journal_place pdb__journal_where(pdb__journal *journal)
{
	pdb__journal_place place;

	(void)pthread_mutex_lock(&journal->lock);
	place = journal->durable;
	(void)pthread_mutex_unlock(&journal->lock);
	return place;
}

void pdb__journal_note_audit(pdb__journal *journal, uint64_t seq)
{
	(void)pthread_mutex_lock(&journal->lock);
	journal->at.audit_seq = seq > journal->at.audit_seq ? seq : journal->at.audit_seq;
	(void)pthread_mutex_unlock(&journal->lock);
}

/* -- a new file ------------------------------------------------------------------------------- */

static int drain(pdb__journal *fresh, size_t least)
{
	int error;

	if (fresh->pending_len < least) {
		return 0;
	}
	error = pdb__files_put(fresh->fd, fresh->pending, fresh->pending_len, -1);
	fresh->at.size += fresh->pending_len;
	fresh->at.records += fresh->pending_records;
	fresh->pending_len = 0;
	fresh->pending_records = 0;
	return error;
}

pdb_status pdb__journal_piece(pdb__journal *fresh, const pdb__record *record, pdb_err *err)
{
	pdb_status status = pdb__journal_append(fresh, record, err);
	int error = status == PDB_OK ? drain(fresh, PIECE) : 0;

	if (error != 0) {
		status = pdb_err_set(err, pdb__files_status(error), NULL,
				     "the new journal cannot be written: %s", strerror(error));
	}
	return status;
}

static pdb_status fill(pdb__journal *fresh, const pdb__journal *old,
		       pdb_status (*write)(void *, pdb__journal *, pdb_err *), void *arg,
		       pdb_err *err)
{
	pdb__record begin = {.type = PDB__RECORD_BEGIN, .generation = fresh->at.generation};
	pdb_status status;
	int error;

	memcpy(begin.id, fresh->instance, PDB__WRAP_ID);
	memcpy(begin.before, old->at.mac, PDB__RECORD_MAC);
	status = pdb__journal_piece(fresh, &begin, err);
	if (status == PDB_OK && write != NULL) {
		status = write(arg, fresh, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	error = drain(fresh, 0);
	if (error == 0 && fsync(fresh->fd) != 0) {
		error = errno;
	}
	memcpy(fresh->at.mac, fresh->mac, PDB__RECORD_MAC);
	return error == 0 ? PDB_OK
			  : pdb_err_set(err, pdb__files_status(error), NULL,
					"the new journal cannot be written: %s", strerror(error));
}

/* Puts the new file in the place of the old one. From the rename on there is no way back. */
static int replace(pdb__journal *journal, const pdb__journal *fresh)
{
	int error = 0;

	if (renameat(journal->directory, PDB__JOURNAL_NEW, journal->directory, PDB__JOURNAL_FILE) !=
	    0) {
		return errno;
	}
	if (fsync(journal->directory) != 0) {
		error = errno;
	}
	if (journal->fd >= 0) {
		(void)close(journal->fd);
	}
	journal->fd = fresh->fd;
	journal->at = fresh->at;
	journal->durable = fresh->at;
	memcpy(journal->mac, fresh->mac, PDB__RECORD_MAC);
	journal->synced = ++journal->flushes;
	if (error == 0) {
		error = head_write(journal, &journal->at);
	}
	if (error == 0 && fdatasync(journal->head_fd) != 0) {
		error = errno;
	}
	journal->failed = journal->failed || error != 0;
	return 0;
}

/* Waits out a running sync and makes the head say what the old file has. Holds the lock. */
static int settle(pdb__journal *journal)
{
	while (journal->syncing) {
		(void)pthread_cond_wait(&journal->synced_changed, &journal->lock);
	}
	if (journal->fd < 0) {
		return 0;
	}
	if (fdatasync(journal->fd) != 0 || head_write(journal, &journal->at) != 0 ||
	    fdatasync(journal->head_fd) != 0) {
		return EIO;
	}
	return 0;
}

pdb_status pdb__journal_forget_audit(pdb__journal *journal, pdb_err *err)
{
	int error;

	(void)pthread_mutex_lock(&journal->lock);
	journal->at.audit_seq = 0;
	error = settle(journal);
	(void)pthread_mutex_unlock(&journal->lock);
	return error == 0 ? PDB_OK
			  : pdb_err_set(err, pdb__files_status(error), NULL,
					"the head of the journal cannot be written: %s",
					strerror(error));
}

pdb_status pdb__journal_compact(pdb__journal *journal,
				pdb_status (*write)(void *arg, pdb__journal *journal, pdb_err *err),
				void *arg, pdb_err *err)
{
	pdb__journal fresh = {.host = journal->host,
			      .key = journal->key,
			      .instance = journal->instance,
			      .fd = -1};
	pdb_status status;
	int error;

	(void)unlinkat(journal->directory, PDB__JOURNAL_NEW, 0);
	status = pdb__files_open(journal->directory, PDB__JOURNAL_NEW, true, &fresh.fd, err);
	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&journal->lock);
	error = settle(journal);
	fresh.at.generation = journal->at.generation + 1;
	fresh.at.audit_seq = journal->at.audit_seq;
	if (error == 0) {
		status = fill(&fresh, journal, write, arg, err);
		error = status == PDB_OK ? replace(journal, &fresh) : 0;
	}
	(void)pthread_mutex_unlock(&journal->lock);
	journal->host->free(fresh.pending);
	if (error != 0) {
		status = pdb_err_set(err, pdb__files_status(error), NULL,
				     "the new journal cannot take its place: %s", strerror(error));
	}
	if (status != PDB_OK) {
		(void)close(fresh.fd);
		(void)unlinkat(journal->directory, PDB__JOURNAL_NEW, 0);
	}
	return status;
}
