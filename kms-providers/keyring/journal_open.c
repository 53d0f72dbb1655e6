/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: opening, and judging whether it is whole. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "journal_private.h"
#include "little.h"

#define HEAD_MAGIC UINT32_C(0x48424450) /* "PDBH" */
#define HEAD_BODY  (PDB__HEAD_SLOT - PDB__RECORD_MAC)

void pdb__journal_head_encode(const pdb__journal *journal, const pdb__journal_place *place,
			      uint64_t slot, uint8_t out[PDB__HEAD_SLOT])
{
	uint8_t *at = little_put32(out, HEAD_MAGIC);

	at = little_put64(at, slot);
	at = little_put64(at, place->generation);
	at = little_put64(at, place->size);
	at = little_put64(at, place->records);
	at = little_put64(at, place->audit_seq);
	at = little_put(at, place->mac, PDB__RECORD_MAC);
	memset(at, 0, (size_t)(out + HEAD_BODY - at));
	pdb__journal_mac(journal, place->mac, pdb_slice_of(out, HEAD_BODY), out + HEAD_BODY);
}

bool pdb__journal_head_decode(const pdb__journal *journal, pdb_slice bytes,
			      pdb__journal_place *place, uint64_t *slot_out)
{
	little_reader reader = {bytes, false};
	uint8_t mac[PDB__RECORD_MAC];
	bool magic = little_number(&reader, 4) == HEAD_MAGIC;

	*slot_out = little_number(&reader, 8);
	place->generation = little_number(&reader, 8);
	place->size = little_number(&reader, 8);
	place->records = little_number(&reader, 8);
	place->audit_seq = little_number(&reader, 8);
	little_copy(&reader, place->mac, PDB__RECORD_MAC);
	if (!magic || reader.failed || bytes.len < PDB__HEAD_SLOT) {
		return false;
	}
	pdb__journal_mac(journal, place->mac, pdb_slice_of(bytes.ptr, HEAD_BODY), mac);
	return sodium_memcmp(mac, bytes.ptr + HEAD_BODY, sizeof(mac)) == 0;
}

/* The newer of the slots that hold; false when none does. */
static bool head_read(pdb__journal *journal, pdb__journal_place *place)
{
	bool found = false;

	for (int64_t i = 0; i < 2; i++) {
		uint8_t bytes[PDB__HEAD_SLOT];
		pdb__journal_place one;
		uint64_t slot;
		ssize_t got = pread(journal->head_fd, bytes, sizeof(bytes), i * PDB__HEAD_PLACE);

		if (got == (ssize_t)sizeof(bytes) &&
		    pdb__journal_head_decode(journal, pdb_slice_of(bytes, sizeof(bytes)), &one,
					     &slot) &&
		    (!found || slot > journal->head_slot)) {
			*place = one;
			journal->head_slot = slot;
			found = true;
		}
	}
	return found;
}

/* One walk over the file. */
typedef struct walk {
	pdb__journal *journal;
	const pdb__journal_params *params;
	const pdb__journal_place *head;
	pdb_slice file;
	uint8_t mac[PDB__RECORD_MAC]; /* of the frame that was read last */
	bool met_head;                /* the chain went through the place that the head names */
} walk;

/* Reads the frame behind the last one; false when the bytes are not one. */
static bool next_frame(walk *w, size_t *len_out, pdb__record *record)
{
	const pdb__journal *journal = w->journal;
	pdb_slice left = pdb_slice_skip(w->file, (size_t)journal->at.size);
	little_reader reader = {left, false};
	size_t len = (size_t)little_number(&reader, 4);
	pdb_slice payload = little_take(&reader, len);
	pdb_slice written = little_take(&reader, PDB__RECORD_MAC);

	if (reader.failed || len > PDB__RECORD_MAX) {
		return false;
	}
	*len_out = 4 + len + PDB__RECORD_MAC;
	pdb__journal_mac(journal, journal->at.mac, pdb_slice_of(left.ptr, 4 + len), w->mac);
	return sodium_memcmp(w->mac, written.ptr, sizeof(w->mac)) == 0 &&
	       pdb__journal_decode(payload, record);
}

static pdb_status begin(const walk *w, const pdb__record *record, pdb_err *err)
{
	pdb__journal *journal = w->journal;
	const pdb__journal_place *head = w->head;

	if (record->type != PDB__RECORD_BEGIN ||
	    sodium_memcmp(record->id, journal->instance, PDB__WRAP_ID) != 0) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the journal of keys is of another keyring");
	}
	journal->at.generation = record->generation;
	if (record->generation == head->generation) {
		return PDB_OK;
	}
	/* a crash between the new file and its head */
	if (record->generation == head->generation + 1 &&
	    sodium_memcmp(record->before, head->mac, PDB__RECORD_MAC) == 0) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_ECORRUPT, NULL,
			   "the journal of keys is number %llu, its head says %llu: one of them "
			   "was replaced by an older copy",
			   (unsigned long long)record->generation,
			   (unsigned long long)head->generation);
}

static pdb_status take(walk *w, const pdb__record *record, size_t len, pdb_err *err)
{
	pdb__journal *journal = w->journal;
	pdb_status status = PDB_OK;

	if (journal->at.size == 0) {
		status = begin(w, record, err);
	} else if (record->type == PDB__RECORD_BEGIN) {
		status = pdb_err_set(err, PDB_ECORRUPT, NULL,
				     "the journal of keys begins again at byte %llu",
				     (unsigned long long)journal->at.size);
	} else {
		status = w->params->replay(w->params->arg, record, err);
	}
	memcpy(journal->at.mac, w->mac, PDB__RECORD_MAC);
	journal->at.size += len;
	journal->at.records++;
	if (journal->at.generation == w->head->generation && journal->at.size == w->head->size) {
		w->met_head = sodium_memcmp(journal->at.mac, w->head->mac, PDB__RECORD_MAC) == 0;
	}
	return status;
}

static pdb_status judge_end(const walk *w, pdb_err *err)
{
	const pdb__journal *journal = w->journal;

	if (w->head->generation == 0 && journal->at.records > 1) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the journal of keys has records, but its head is gone");
	}
	if (journal->at.size > 0 && journal->at.generation != w->head->generation) {
		return PDB_OK; /* newer than the head: begin() has judged it */
	}
	if (w->met_head) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_ECORRUPT, NULL,
			   "the journal of keys holds up to byte %llu, but it was whole up to byte "
			   "%llu: it was altered, cut or replaced",
			   (unsigned long long)journal->at.size, (unsigned long long)w->head->size);
}

/* What a crash left behind the last whole record: kept beside, then cut off. */
static pdb_status set_aside(const walk *w, pdb_err *err)
{
	pdb__journal *journal = w->journal;
	pdb_slice torn = pdb_slice_skip(w->file, (size_t)journal->at.size);
	char name[64];
	pdb_status status;

	if (torn.len == 0) {
		return PDB_OK;
	}
	(void)snprintf(name, sizeof(name), "journal.torn-%lld",
		       (long long)(journal->host->now() / 1000000000));
	status = pdb__files_write(journal->directory, name, torn, err);
	if (status != PDB_OK) {
		return status;
	}
	journal->host->log(PDB_LOG_WARN, "kms",
			   "a crash left %zu bytes behind the last whole record of the journal of "
			   "keys; they are kept in %s",
			   torn.len, name);
	if (ftruncate(journal->fd, (off_t)journal->at.size) != 0 || fsync(journal->fd) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the journal cannot be cut: %s",
				   strerror(errno));
	}
	return PDB_OK;
}

static pdb_status walk_file(walk *w, pdb_err *err)
{
	pdb_status status = PDB_OK;
	pdb__record record;
	size_t len = 0;

	while (status == PDB_OK && next_frame(w, &len, &record)) {
		status = take(w, &record, len, err);
	}
	if (status == PDB_OK) {
		status = judge_end(w, err);
	}
	return status == PDB_OK ? set_aside(w, err) : status;
}

static pdb_status replay(pdb__journal *journal, const pdb__journal_params *params,
			 const pdb__journal_place *head, pdb_err *err)
{
	walk w = {journal, params, head, pdb_slice_of(NULL, 0), {0}, false};
	struct stat info;
	void *bytes = NULL;
	pdb_status status;

	if (fstat(journal->fd, &info) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the journal cannot be examined: %s",
				   strerror(errno));
	}
	if (info.st_size > 0) {
		bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, journal->fd, 0);
		if (bytes == MAP_FAILED) {
			return pdb_err_set(err, PDB_ENOMEM, NULL, "the journal cannot be read: %s",
					   strerror(errno));
		}
		w.file = pdb_slice_of(bytes, (size_t)info.st_size);
	}
	status = walk_file(&w, err);
	if (bytes != NULL) {
		(void)munmap(bytes, (size_t)info.st_size);
	}
	journal->at.audit_seq = head->audit_seq;
	journal->durable = *head;
	memcpy(journal->mac, journal->at.mac, PDB__RECORD_MAC);
	return status;
}

/* An empty head stands for a first start that a crash has ended. */
static pdb_status open_both(pdb__journal *journal, const pdb__journal_params *params, pdb_err *err)
{
	pdb__journal_place head = {0};
	bool have_head;
	pdb_status status;

	status = pdb__files_open(journal->directory, PDB__HEAD_FILE, true, &journal->head_fd, err);
	if (status != PDB_OK) {
		return status;
	}
	have_head = head_read(journal, &head);
	status = pdb__files_open(journal->directory, PDB__JOURNAL_FILE, false, &journal->fd, err);
	if (status == PDB_ENOTFOUND && !have_head) {
		return pdb__journal_compact(journal, NULL, NULL, err);
	}
	if (status == PDB_ENOTFOUND) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the journal of keys is gone, but its head is there");
	}
	return status == PDB_OK ? replay(journal, params, &head, err) : status;
}

pdb_status pdb__journal_open(pdb__journal *journal, const pdb__journal_params *params, pdb_err *err)
{
	*journal = (pdb__journal){.host = params->host,
				  .key = params->key,
				  .instance = params->instance,
				  .directory = params->directory,
				  .fd = -1,
				  .head_fd = -1};
	(void)pthread_mutex_init(&journal->lock, NULL);
	(void)pthread_cond_init(&journal->synced_changed, NULL);
	return open_both(journal, params, err);
}

void pdb__journal_fini(pdb__journal *journal)
{
	if (journal->host == NULL) {
		return;
	}
	if (journal->fd >= 0) {
		(void)close(journal->fd);
	}
	if (journal->head_fd >= 0) {
		(void)fdatasync(journal->head_fd);
		(void)close(journal->head_fd);
	}
	journal->host->free(journal->pending);
	(void)pthread_cond_destroy(&journal->synced_changed);
	(void)pthread_mutex_destroy(&journal->lock);
	*journal = (pdb__journal){.fd = -1, .head_fd = -1};
}
