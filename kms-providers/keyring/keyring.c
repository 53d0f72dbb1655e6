/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: opening, the thread that keeps the audit log durable, closing. */
#include "keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "keyring_private.h"

#define LOCK_FILE "lock"

/* -- the thread ---------------------------------------------------------------------------------
 */

/* Once a second: what was read is in the audit log for good, and signed from time to time. */
static void *keep_audit(void *arg)
{
	pdb_keyring *keyring = arg;
	bool stop = false;

	while (!stop) {
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		(void)pthread_mutex_lock(&keyring->wake_lock);
		if (!keyring->stop) {
			(void)pthread_cond_timedwait(&keyring->wake, &keyring->wake_lock, &until);
		}
		stop = keyring->stop;
		(void)pthread_mutex_unlock(&keyring->wake_lock);
		pdb__audit_tick(&keyring->audit);
	}
	return NULL;
}

static pdb_status start_thread(pdb_keyring *keyring, pdb_err *err)
{
	keyring->running = pthread_create(&keyring->thread, NULL, keep_audit, keyring) == 0;
	return keyring->running ? PDB_OK
				: pdb_err_set(err, PDB_ENOMEM, NULL, "no thread for the audit log");
}

static void stop_thread(pdb_keyring *keyring)
{
	if (!keyring->running) {
		return;
	}
	(void)pthread_mutex_lock(&keyring->wake_lock);
	keyring->stop = true;
	(void)pthread_cond_signal(&keyring->wake);
	(void)pthread_mutex_unlock(&keyring->wake_lock);
	(void)pthread_join(keyring->thread, NULL);
	keyring->running = false;
}

/* -- opening ------------------------------------------------------------------------------------
 */

static pdb_status open_places(pdb_keyring *keyring, const pdb_keyring_params *params, pdb_err *err)
{
	char keks[PATH_MAX];
	const char *place = params->kek_directory;
	pdb_status status = pdb__files_directory(params->directory, &keyring->directory, err);

	if (status == PDB_OK && (place == NULL || place[0] == '\0')) {
		if (snprintf(keks, sizeof(keks), "%s/keks", params->directory) >=
		    (int)sizeof(keks)) {
			return pdb_err_set(err, PDB_EINVAL, NULL,
					   "the path of the keys is too long");
		}
		place = keks;
	}
	if (status == PDB_OK) {
		status = pdb__files_directory(place, &keyring->kek_directory, err);
	}
	if (status == PDB_OK) {
		status = pdb__files_open(keyring->directory, LOCK_FILE, true, &keyring->lock_fd,
					 err);
	}
	if (status == PDB_OK && flock(keyring->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		status = pdb_err_set(err, PDB_EBUSY, NULL,
				     "the directory of keys %s is in use by another process",
				     params->directory);
	}
	return status;
}

static pdb_status lock_secrets(pdb_keyring *keyring, const pdb_keyring_params *params, pdb_err *err)
{
	keyring->secrets = sodium_malloc(sizeof(*keyring->secrets));
	if (keyring->secrets == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for keys");
	}
	/* sodium_malloc does not tell whether it could lock; asked again, it is told */
	keyring->locked = sodium_mlock(keyring->secrets, sizeof(*keyring->secrets)) == 0;
	sodium_memzero(keyring->secrets, sizeof(*keyring->secrets));
	if (!keyring->locked && params->must_lock) {
		return pdb_err_set(
			err, PDB_EDENIED, NULL,
			"the memory of the keys cannot be locked (%s); raise LimitMEMLOCK "
			"(ulimit -l)",
			strerror(errno));
	}
	if (!keyring->locked) {
		keyring->host->log(PDB_LOG_WARN, "kms",
				   "the memory of the keys cannot be locked; raise LimitMEMLOCK");
	}
	return PDB_OK;
}

static pdb_status read_master(pdb_keyring *keyring, const pdb_keyring_params *params, pdb_err *err)
{
	const pdb__master_source source = {keyring->host, params->credentials,
					   params->master_key_file, params->master_key_hex};
	pdb_status status = pdb__master_read(&source, keyring->secrets->master, err);

	if (status == PDB_OK) {
		pdb__wrap_split(&keyring->secrets->root, keyring->secrets->master);
	}
	sodium_memzero(keyring->secrets->master, sizeof(keyring->secrets->master));
	return status;
}

static pdb_status open_journal(pdb_keyring *keyring, pdb_err *err)
{
	const pdb__journal_params params = {.host = keyring->host,
					    .key = keyring->secrets->store_key,
					    .instance = keyring->instance,
					    .directory = keyring->directory,
					    .replay = pdb__state_replay,
					    .arg = keyring};

	return pdb__journal_open(&keyring->journal, &params, err);
}

/* The audit log remembers how far the journal was, as the journal does of the audit log: who puts
 * back an older copy of one has to put back both. */
static pdb_status judge_age(const pdb_keyring *keyring, pdb_err *err)
{
	const pdb__journal_place *at = &keyring->journal.at;
	const pdb__audit *audit = &keyring->audit;

	if (at->generation > audit->store_generation ||
	    (at->generation == audit->store_generation && at->size >= audit->store_size)) {
		return PDB_OK;
	}
	return pdb_err_set(
		err, PDB_ECORRUPT, NULL,
		"the journal of keys is older than the audit log knows it: it was replaced "
		"by an older copy; keep both, and make a file " PDB__AUDIT_RESET
		" to begin a new audit log");
}

static pdb_status open_audit(pdb_keyring *keyring, const pdb_keyring_params *params, pdb_err *err)
{
	const pdb__audit_params audit = {.host = keyring->host,
					 .directory = keyring->directory,
					 .sign_key = keyring->secrets->sign_key,
					 .mac_key = keyring->secrets->audit_key,
					 .public_key = keyring->public_key,
					 .file_max = params->audit_file_max,
					 .least_seq = keyring->journal.at.audit_seq};
	pdb_status status = pdb__audit_log_open(&keyring->audit, &audit, err);
	pdb__journal_place place;

	if (status == PDB_OK && keyring->audit.fresh) {
		status = pdb__journal_forget_audit(&keyring->journal, err);
	}
	if (status == PDB_OK) {
		status = judge_age(keyring, err);
	}
	if (status == PDB_OK) {
		place = pdb__journal_where(&keyring->journal);
		pdb__audit_note_store(&keyring->audit, place.generation, place.size);
	}
	return status;
}

static pdb_status open_all(pdb_keyring *keyring, const pdb_keyring_params *params, pdb_err *err)
{
	uint32_t version = 0;
	pdb_status status = open_places(keyring, params, err);

	if (status == PDB_OK) {
		status = lock_secrets(keyring, params, err);
	}
	if (status == PDB_OK) {
		status = read_master(keyring, params, err);
	}
	if (status == PDB_OK) {
		status = pdb__identity_load(keyring, err);
	}
	if (status == PDB_OK) {
		status = open_journal(keyring, err);
	}
	if (status == PDB_OK) {
		status = pdb__keks_load(keyring, err);
	}
	if (status == PDB_OK) {
		status = open_audit(keyring, params, err);
	}
	if (status == PDB_OK && keyring->active == 0) {
		status = pdb_keyring_rotate_kek(keyring, "start", &version, err);
	}
	return status == PDB_OK ? start_thread(keyring, err) : status;
}

static pdb_keyring *create(const pdb_host *host)
{
	pdb_keyring *keyring = host->alloc(sizeof(*keyring));
	pthread_condattr_t steady;

	if (keyring == NULL) {
		return NULL;
	}
	*keyring = (pdb_keyring){.host = host, .directory = -1, .kek_directory = -1, .lock_fd = -1};
	keyring->buckets = host->alloc(PDB__BUCKETS * sizeof(keyring->buckets[0]));
	if (keyring->buckets == NULL) {
		host->free(keyring);
		return NULL;
	}
	for (size_t i = 0; i < PDB__BUCKETS; i++) {
		keyring->buckets[i] = NULL;
	}
	(void)pthread_mutex_init(&keyring->lock, NULL);
	(void)pthread_mutex_init(&keyring->wake_lock, NULL);
	(void)pthread_condattr_init(&steady);
	(void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&keyring->wake, &steady);
	(void)pthread_condattr_destroy(&steady);
	return keyring;
}

pdb_status pdb_keyring_open(pdb_keyring **out, const pdb_keyring_params *params, pdb_err *err)
{
	pdb_keyring *keyring;
	pdb_status status;

	*out = NULL;
	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the crypto library does not start");
	}
	keyring = create(params->host);
	if (keyring == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the keyring");
	}
	status = open_all(keyring, params, err);
	if (status != PDB_OK) {
		pdb_keyring_close(&keyring);
		return pdb_err_wrap(err, "keys in %s", params->directory);
	}
	*out = keyring;
	return PDB_OK;
}

static void close_fd(int fd)
{
	if (fd >= 0) {
		(void)close(fd);
	}
}

void pdb_keyring_close(pdb_keyring **keyring_ptr)
{
	pdb_keyring *keyring = keyring_ptr != NULL ? *keyring_ptr : NULL;

	if (keyring == NULL) {
		return;
	}
	stop_thread(keyring);
	pdb__audit_log_fini(&keyring->audit);
	pdb__journal_fini(&keyring->journal);
	pdb__keys_fini(keyring);
	keyring->host->free(keyring->keks);
	if (keyring->secrets != NULL) {
		sodium_free(keyring->secrets);
	}
	close_fd(keyring->kek_directory);
	close_fd(keyring->directory);
	close_fd(keyring->lock_fd);
	(void)pthread_cond_destroy(&keyring->wake);
	(void)pthread_mutex_destroy(&keyring->wake_lock);
	(void)pthread_mutex_destroy(&keyring->lock);
	keyring->host->free(keyring);
	*keyring_ptr = NULL;
}

void pdb_keyring_refused(pdb_keyring *keyring, const char *who, const char *op)
{
	pdb__audit_event event = {.op = op, .who = who};
	pdb_err err = {0};

	if (pdb__audit_begin(&keyring->audit, &event, &err) == PDB_OK) {
		(void)pdb__audit_end(&keyring->audit, &event, PDB_EDENIED, &err);
	}
}

const char *pdb_keyring_public_key(const pdb_keyring *keyring)
{
	return keyring->public_hex;
}
