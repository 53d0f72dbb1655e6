/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: opening it, judging its end, and beginning a new file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_private.h"
#include "files.h"

#define FILE_MAX_DEFAULT ((uint64_t)64 * 1024 * 1024)

/* The name of a file that was followed by another: the number of its last line. */
static void old_name(uint64_t seq, char out[NAME_MAX])
{
	(void)snprintf(out, NAME_MAX, "audit-%020llu.log", (unsigned long long)seq);
}

static pdb_status corrupt(pdb_err *err, const char *what)
{
	return pdb_err_set(err, PDB_ECORRUPT, NULL,
			   "the audit log %s; verify it with pdbctl kms verify-audit, keep it, and "
			   "make a file " PDB__AUDIT_RESET " beside it to begin a new one",
			   what);
}

static pdb_status failed(const char *what, int error, pdb_err *err)
{
	return pdb_err_set(err, pdb__files_status(error), NULL, "%s the audit log: %s", what,
			   strerror(error));
}

/* The last line before `size`, which the head is about, must be the one it names. */
static pdb_status judge_place(const pdb__audit *audit, const pdb__audit_head *head, pdb_err *err)
{
	char bytes[PDB__AUDIT_LINE_MAX + 2];
	size_t want = head->size < sizeof(bytes) ? (size_t)head->size : sizeof(bytes);
	uint8_t hash[PDB__AUDIT_HASH];
	pdb__audit_line line;
	size_t start;

	if (want < 2 ||
	    pread(audit->fd, bytes, want, (off_t)(head->size - want)) != (ssize_t)want ||
	    bytes[want - 1] != '\n') {
		return corrupt(err, "ends before the place its head names: its tail was cut");
	}
	for (start = want - 1; start > 0 && bytes[start - 1] != '\n'; start--) {
	}
	if (!pdb__audit_line_read(pdb_slice_of(bytes + start, want - 1 - start), &line) ||
	    line.seq != head->seq) {
		return corrupt(err, "is not the one its head was written for");
	}
	pdb__audit_hash(pdb_slice_of(bytes + start, line.hashed), hash);
	if (sodium_memcmp(hash, head->hash, PDB__AUDIT_HASH) != 0 ||
	    sodium_memcmp(line.hash, head->hash, PDB__AUDIT_HASH) != 0) {
		return corrupt(err, "has another last line than its head was written for");
	}
	return PDB_OK;
}

/* Whether this keyring has written the line behind the one with the hash `prev`: hashes anybody can
 * chain. */
static bool is_own(const pdb__audit *audit, const uint8_t *prev, pdb_slice text)
{
	uint8_t mac[PDB__AUDIT_MAC];
	pdb__audit_line line;

	if (!pdb__audit_line_read(text, &line) || line.macced == 0) {
		return false;
	}
	pdb__audit_mac(audit, prev, pdb_slice_of(text.ptr, line.macced), mac);
	return sodium_memcmp(mac, line.mac, sizeof(mac)) == 0;
}

/* Takes the whole lines behind the head. */
static void take_tail(pdb__audit *audit, pdb_slice tail, const uint8_t *public_key)
{
	pdb__audit_check check = {.public_key = public_key, .line = 1, .seq = audit->seq};
	const uint8_t *end;

	memcpy(check.hash, audit->hash, sizeof(check.hash));
	while (tail.len > 0 && (end = memchr(tail.ptr, '\n', tail.len)) != NULL) {
		size_t len = (size_t)(end - tail.ptr);
		pdb_slice line = pdb_slice_of(tail.ptr, len);

		if (!is_own(audit, audit->hash, line) || !pdb__audit_check_line(&check, line)) {
			return;
		}
		audit->seq = check.seq;
		audit->size += len + 1;
		audit->unsigned_lines++;
		memcpy(audit->hash, check.hash, sizeof(audit->hash));
		tail = pdb_slice_skip(tail, len + 1);
	}
}

/* What was written after the last sync, before a crash. What does not hold is cut off. */
static pdb_status recover_tail(pdb__audit *audit, const uint8_t *public_key, pdb_err *err)
{
	struct stat info;
	size_t len;
	uint8_t *bytes;

	if (fstat(audit->fd, &info) != 0) {
		return failed("cannot examine", errno, err);
	}
	len = (size_t)((uint64_t)info.st_size - audit->size);
	if (len == 0) {
		return PDB_OK;
	}
	bytes = audit->host->alloc(len);
	if (bytes == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the end of the audit log");
	}
	if (pread(audit->fd, bytes, len, (off_t)audit->size) == (ssize_t)len) {
		take_tail(audit, pdb_slice_of(bytes, len), public_key);
	}
	audit->host->free(bytes);
	if ((uint64_t)info.st_size != audit->size) {
		audit->host->log(PDB_LOG_WARN, "kms",
				 "%llu bytes behind the last whole line of the audit log are not "
				 "its own, or were left by a crash; they are cut off",
				 (unsigned long long)((uint64_t)info.st_size - audit->size));
		if (ftruncate(audit->fd, (off_t)audit->size) != 0) {
			return failed("cannot cut", errno, err);
		}
	}
	return PDB_OK;
}

static pdb_status follow(pdb__audit *audit, const pdb__audit_head *head,
			 const pdb__audit_params *params, pdb_err *err)
{
	char name[NAME_MAX];
	struct stat info;
	pdb_status status = PDB_OK;

	if (fstat(audit->fd, &info) != 0) {
		return failed("cannot examine", errno, err);
	}
	old_name(head->seq, name);
	audit->seq = head->seq;
	audit->size = head->size;
	audit->store_generation = head->store_generation;
	audit->store_size = head->store_size;
	memcpy(audit->hash, head->hash, sizeof(audit->hash));
	if (faccessat(audit->directory, name, F_OK, 0) == 0) {
		audit->size = 0; /* a crash between the new file and its head */
	} else if (head->size > 0) {
		status = judge_place(audit, head, err);
	}
	return status == PDB_OK ? recover_tail(audit, params->public_key, err) : status;
}

/* An operator has looked at the old log: it is put aside and a new chain begins. */
static pdb_status reset(pdb__audit *audit, bool *done_out, pdb_err *err)
{
	char name[NAME_MAX];

	*done_out = faccessat(audit->directory, PDB__AUDIT_RESET, F_OK, 0) == 0;
	if (!*done_out) {
		return PDB_OK;
	}
	(void)snprintf(name, sizeof(name), "audit-before-%lld.log",
		       (long long)(audit->host->now() / 1000000000));
	if ((renameat(audit->directory, PDB__AUDIT_FILE, audit->directory, name) != 0 &&
	     errno != ENOENT) ||
	    (unlinkat(audit->directory, PDB__AUDIT_HEAD, 0) != 0 && errno != ENOENT) ||
	    unlinkat(audit->directory, PDB__AUDIT_RESET, 0) != 0 || fsync(audit->directory) != 0) {
		return failed("cannot put aside", errno, err);
	}
	audit->host->log(PDB_LOG_WARN, "kms", "a new audit log begins; the old one is %s", name);
	return PDB_OK;
}

static pdb_status open_files(pdb__audit *audit, pdb_err *err)
{
	pdb_status status =
		pdb__files_open(audit->directory, PDB__AUDIT_FILE, true, &audit->fd, err);

	return status == PDB_OK ? pdb__files_open(audit->directory, PDB__AUDIT_HEAD, true,
						  &audit->head_fd, err)
				: status;
}

static pdb_status find_end(pdb__audit *audit, const pdb__audit_params *params, pdb_err *err)
{
	char text[PDB__AUDIT_HEAD_MAX];
	ssize_t len = pread(audit->head_fd, text, sizeof(text), 0);
	pdb__audit_head head = {0};
	struct stat info;

	if (len < 0 || fstat(audit->fd, &info) != 0) {
		return failed("cannot read", errno, err);
	}
	if (len == 0 && (info.st_size > 0 || params->least_seq > 0)) {
		return corrupt(err, "has lost its head");
	}
	if (len > 0 &&
	    !pdb__audit_head_read(pdb_slice_of(text, (size_t)len), params->public_key, &head)) {
		return corrupt(err, "has a head that was altered");
	}
	return follow(audit, &head, params, err);
}

static pdb_status start(pdb__audit *audit, pdb_err *err)
{
	int error = pdb__audit_mark(audit, audit->fresh ? "reset" : "start");

	if (error == 0) {
		error = pdb__audit_settle(audit);
	}
	if (error == 0 && fsync(audit->directory) != 0) {
		error = errno;
	}
	return error == 0 ? PDB_OK : failed("cannot write", error, err);
}

pdb_status pdb__audit_log_open(pdb__audit *audit, const pdb__audit_params *params, pdb_err *err)
{
	pdb_status status;

	*audit = (pdb__audit){.host = params->host,
			      .sign_key = params->sign_key,
			      .mac_key = params->mac_key,
			      .directory = params->directory,
			      .fd = -1,
			      .head_fd = -1,
			      .file_max =
				      params->file_max > 0 ? params->file_max : FILE_MAX_DEFAULT};
	(void)pthread_mutex_init(&audit->lock, NULL);
	(void)pthread_mutex_init(&audit->sync_lock, NULL);
	audit->checked = audit->host->monotonic();
	status = reset(audit, &audit->fresh, err);
	if (status == PDB_OK) {
		status = open_files(audit, err);
	}
	if (status == PDB_OK && !audit->fresh) {
		status = find_end(audit, params, err);
	}
	if (status == PDB_OK && !audit->fresh && audit->seq < params->least_seq) {
		status = corrupt(err, "is shorter than the journal of keys knows it: it was "
				      "replaced by an older copy");
	}
	return status == PDB_OK ? start(audit, err) : status;
}

/* What the disk has promised and no line came to use. */
static void give_back(const pdb__audit *audit)
{
	if (ftruncate(audit->fd, (off_t)audit->size) != 0) {
		audit->host->log(PDB_LOG_WARN, "kms", "the reserve of the audit log stays: %s",
				 strerror(errno));
	}
}

void pdb__audit_log_fini(pdb__audit *audit)
{
	if (audit->host == NULL) {
		return;
	}
	if (audit->fd >= 0 && audit->head_fd >= 0 && audit->synced_seq > 0 && !audit->broken) {
		(void)pdb__audit_mark(audit, "stop");
		(void)pdb__audit_checkpoint(audit);
		(void)pdb__audit_settle(audit);
		(void)fdatasync(audit->head_fd);
		give_back(audit);
	}
	if (audit->fd >= 0) {
		(void)close(audit->fd);
	}
	if (audit->head_fd >= 0) {
		(void)close(audit->head_fd);
	}
	(void)pthread_mutex_destroy(&audit->sync_lock);
	(void)pthread_mutex_destroy(&audit->lock);
	*audit = (pdb__audit){.fd = -1, .head_fd = -1};
}

/* The head is written last: until then it names the old file, which follow() knows how to read. */
void pdb__audit_next_file(pdb__audit *audit)
{
	char name[NAME_MAX];
	int fd;

	(void)pthread_mutex_lock(&audit->lock);
	if (audit->broken || audit->seq != audit->synced_seq) {
		(void)pthread_mutex_unlock(&audit->lock);
		return;
	}
	old_name(audit->seq, name);
	if (renameat(audit->directory, PDB__AUDIT_FILE, audit->directory, name) == 0) {
		fd = openat(audit->directory, PDB__AUDIT_FILE,
			    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		audit->broken = fd < 0 || fsync(audit->directory) != 0;
		if (fd >= 0) {
			give_back(audit);
			(void)close(audit->fd);
			audit->fd = fd;
			audit->size = 0;
			audit->reserved = 0;
		}
		audit->broken = audit->broken || pdb__audit_mark(audit, "continue") != 0;
	}
	(void)pthread_mutex_unlock(&audit->lock);
	(void)pdb__audit_settle(audit);
}
