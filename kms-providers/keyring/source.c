/* SPDX-License-Identifier: Apache-2.0 */
/* Where the master key comes from, and which keys are refused. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX     66u /* 64 hex digits, CR, LF */
#define DISTINCT_MIN 10u
#define PATTERN_MAX  16u

static bool repeats(const uint8_t *key, size_t period)
{
	for (size_t i = period; i < PDB__MASTER_SIZE; i++) {
		if (key[i] != key[i - period]) {
			return false;
		}
	}
	return true;
}

static bool progresses(const uint8_t *key)
{
	for (size_t i = 2; i < PDB__MASTER_SIZE; i++) {
		if ((uint8_t)(key[i] - key[i - 1]) != (uint8_t)(key[1] - key[0])) {
			return false;
		}
	}
	return true;
}

const char *pdb__master_fault(const uint8_t key[PDB__MASTER_SIZE])
{
	bool seen[256] = {false};
	size_t distinct = 0;

	for (size_t i = 0; i < PDB__MASTER_SIZE; i++) {
		distinct += seen[key[i]] ? 0 : 1;
		seen[key[i]] = true;
	}
	sodium_memzero(seen, sizeof(seen));
	if (progresses(key)) {
		return "is a row of numbers";
	}
	for (size_t period = 1; period <= PATTERN_MAX; period++) {
		if (repeats(key, period)) {
			return "repeats a pattern";
		}
	}
	/* a random key has about thirty; so few come up once in 10^30 */
	return distinct < DISTINCT_MIN ? "has too few different bytes" : NULL;
}

static pdb_status judge_owner(const struct stat *info, const char *path, pdb_err *err)
{
	if (info->st_uid != 0 && info->st_uid != geteuid()) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s belongs to user %u; run: chown %u '%s'", path,
				   (unsigned)info->st_uid, (unsigned)geteuid(), path);
	}
	return PDB_OK;
}

pdb_status pdb__secret_file_judge(int fd, const char *path, pdb_err *err)
{
	struct stat info;
	pdb_status status;

	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "%s is not a regular file", path);
	}
	status = judge_owner(&info, path, err);
	if (status == PDB_OK && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		status = pdb_err_set(err, PDB_EDENIED, NULL,
				     "%s is open to others (mode %04o); run: chmod 0600 '%s'", path,
				     (unsigned)(info.st_mode & 07777), path);
	}
	return status;
}

pdb_status pdb__secret_place_judge(const char *path, pdb_err *err)
{
	char place[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat info;
	pdb_status status;

	if (slash == NULL) {
		(void)snprintf(place, sizeof(place), ".");
	} else {
		(void)snprintf(place, sizeof(place), "%.*s",
			       slash == path ? 1 : (int)(slash - path), path);
	}
	if (stat(place, &info) != 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "%s cannot be examined: %s", place,
				   strerror(errno));
	}
	status = judge_owner(&info, place, err);
	if (status == PDB_OK && (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		status = pdb_err_set(err, PDB_EDENIED, NULL,
				     "the directory %s may be written by others (mode %04o); run: "
				     "chmod go-w '%s'",
				     place, (unsigned)(info.st_mode & 07777), place);
	}
	return status;
}

/* 64 hex digits, with the line end that editors leave. */
static bool from_hex(const char *text, size_t len, uint8_t out[PDB__MASTER_SIZE])
{
	size_t used = 0;

	while (len > 2 * PDB__MASTER_SIZE && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
		len--;
	}
	return len == 2 * PDB__MASTER_SIZE &&
	       sodium_hex2bin(out, PDB__MASTER_SIZE, text, len, NULL, &used, NULL) == 0 &&
	       used == PDB__MASTER_SIZE;
}

static pdb_status judge_key(const uint8_t key[PDB__MASTER_SIZE], const char *origin, pdb_err *err)
{
	const char *fault = pdb__master_fault(key);

	if (fault != NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the master key of %s %s; make one: head -c 32 /dev/urandom",
				   origin, fault);
	}
	return PDB_OK;
}

static pdb_status take(const char *bytes, size_t len, const char *origin,
		       uint8_t out[PDB__MASTER_SIZE], pdb_err *err)
{
	if (len == PDB__MASTER_SIZE) {
		memcpy(out, bytes, PDB__MASTER_SIZE);
	} else if (!from_hex(bytes, len, out)) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the master key of %s is neither 32 bytes nor 64 hex digits",
				   origin);
	}
	return judge_key(out, origin, err);
}

static pdb_status read_open(int fd, const char *path, uint8_t out[PDB__MASTER_SIZE], pdb_err *err)
{
	char bytes[TEXT_MAX + 1];
	size_t have = 0;
	ssize_t got = 1;
	pdb_status status = pdb__secret_file_judge(fd, path, err);

	if (status != PDB_OK) {
		return status;
	}
	while (got > 0 && have < sizeof(bytes)) {
		got = read(fd, bytes + have, sizeof(bytes) - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		status = pdb_err_set(err, PDB_ENOTFOUND, NULL, "%s cannot be read: %s", path,
				     strerror(errno));
	} else {
		status = take(bytes, have, path, out, err);
	}
	sodium_memzero(bytes, sizeof(bytes));
	return status;
}

static pdb_status read_file(const char *path, uint8_t out[PDB__MASTER_SIZE], pdb_err *err)
{
	pdb_status status = pdb__secret_place_judge(path, err);
	int fd;

	if (status != PDB_OK) {
		return status;
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s is a symbolic link; name the file itself", path);
	}
	if (fd < 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "the master key file %s: %s", path,
				   strerror(errno));
	}
	status = read_open(fd, path, out, err);
	(void)close(fd);
	return status;
}

/* The credential, when there is one. */
static bool credential(const pdb__master_source *source, char path[PATH_MAX])
{
	const char *place = source->credentials;

	if (place == NULL) {
		place = getenv("CREDENTIALS_DIRECTORY");
	}
	return place != NULL && place[0] == '/' &&
	       snprintf(path, PATH_MAX, "%s/" PDB__MASTER_CREDENTIAL, place) < PATH_MAX &&
	       access(path, F_OK) == 0;
}

pdb_status pdb__master_read(const pdb__master_source *source, uint8_t out[PDB__MASTER_SIZE],
			    pdb_err *err)
{
	char path[PATH_MAX];

	if (credential(source, path)) {
		return read_file(path, out, err);
	}
	if (source->file != NULL && source->file[0] != '\0') {
		return read_file(source->file, out, err);
	}
	if (source->hex != NULL && source->hex[0] != '\0') {
		source->host->log(PDB_LOG_WARN, "kms",
				  "the master key stands in the configuration: for development "
				  "only; use master_key_file or a credential");
		if (!from_hex(source->hex, strlen(source->hex), out)) {
			return pdb_err_set(err, PDB_EINVAL, NULL,
					   "master_key_hex is not 64 hex digits");
		}
		return judge_key(out, "master_key_hex", err);
	}
	return pdb_err_set(err, PDB_EINVAL, NULL,
			   "there is no master key: give the credential \"" PDB__MASTER_CREDENTIAL
			   "\" or master_key_file");
}
