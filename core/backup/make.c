/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a set while the server writes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup_private.h"
#include "base/clock.h"
#include "base/mem.h"

typedef struct making {
	const pdb_backup_source *source;
	const pdb_backup_params *params;
	int directory;
	int set;
	int data;
	int earlier; /* the parts of the set before; -1 = none */
	char name[PDB__SET_NAME_SIZE];
	char hidden[PDB__SET_NAME_SIZE + 8];
	pdb__manifest manifest;
	pdb__signer signer;
	uint8_t *bytes; /* PDB__PART_MAX */
	uint64_t written;
	uint64_t done;
} making;

/* The sweep of one would remove what another one is making. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static int open_directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* -- the parts --------------------------------------------------------------------------------- */

/* A full disk under the database would end the server: its reserve is not for backups. */
static pdb_status need_room(const making *m, pdb_err *err)
{
	if (pdb_store_writable(m->source->store)) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EFULL, NULL,
			   "The disk of the database is nearly full; the backup was given up.");
}

static pdb_status tell(const making *m, uint64_t total, pdb_err *err)
{
	pdb_status status = PDB_OK;

	if (m->params->progress != NULL) {
		status = m->params->progress(m->params->arg, m->done, total);
	}
	return status == PDB_OK ? PDB_OK : pdb_err_set(err, status, NULL, "The backup was ended.");
}

static pdb_status add_part(making *m, pdb_slice bytes, pdb_err *err)
{
	char hex[PDB__DIGEST_SIZE];

	pdb__part_digest(bytes, hex);
	pdb__manifest_part(&m->manifest, hex, bytes.len);
	m->done += bytes.len;
	if (faccessat(m->data, hex, F_OK, 0) == 0 ||
	    pdb__part_link(m->earlier, m->data, hex, bytes)) {
		return PDB_OK;
	}
	m->written += bytes.len;
	return pdb__part_store(m->data, hex, bytes, err);
}

static pdb_status add_file(void *arg, const pdb_storage_file *file, pdb_err *err)
{
	making *m = arg;
	uint64_t left = file->bytes;
	pdb_status status = PDB_OK;

	if (!pdb__backup_name_good(file->name)) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "The engine has a file \"%s\".",
				   file->name);
	}
	pdb__manifest_file(&m->manifest, file->name, file->bytes);
	while (left > 0 && status == PDB_OK) {
		size_t want = left < PDB__PART_MAX ? (size_t)left : PDB__PART_MAX;
		ssize_t got = pdb__part_read(file->fd, m->bytes, want);

		if (got != (ssize_t)want) {
			errno = got < 0 ? errno : EIO;
			return pdb__backup_errno(err, "read", file->name);
		}
		left -= want;
		status = need_room(m, err);
		if (status == PDB_OK) {
			status = add_part(m, pdb_slice_of(m->bytes, want), err);
		}
		if (status == PDB_OK) {
			status = tell(m, file->total, err);
		}
	}
	return status;
}

/* -- the set ----------------------------------------------------------------------------------- */

static void open_earlier(making *m)
{
	char name[PDB__SET_NAME_SIZE];
	int set;

	if (m->params->full ||
	    !pdb__set_newest(m->directory, pdb_store_database_id(m->source->store), name)) {
		return;
	}
	set = openat(m->directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (set >= 0) {
		m->earlier = open_directory(set, PDB__DATA_NAME);
		(void)close(set);
	}
}

static pdb_status open_set(making *m, pdb_err *err)
{
	pdb__set_part_name(m->hidden, m->name);
	if (mkdirat(m->directory, m->hidden, 0700) != 0) {
		return pdb__backup_errno(err, "make the directory", m->hidden);
	}
	m->set = open_directory(m->directory, m->hidden);
	if (m->set < 0 || mkdirat(m->set, PDB__DATA_NAME, 0700) != 0) {
		return pdb__backup_errno(err, "make a directory in", m->hidden);
	}
	m->data = open_directory(m->set, PDB__DATA_NAME);
	return m->data < 0 ? pdb__backup_errno(err, "open a directory in", m->hidden) : PDB_OK;
}

static void begin_manifest(making *m)
{
	pdb_backup_about *about = &m->manifest.about;
	const pdb_store *store = m->source->store;

	about->made_ts = pdb_clock_now();
	about->since_ts = m->source->since_ts;
	about->position = pdb_store_durable(store);
	about->format = PDB_STORE_FORMAT;
	(void)snprintf(about->database, sizeof(about->database), "%s",
		       pdb_store_database_id(store));
	(void)snprintf(about->backend, sizeof(about->backend), "%s", m->source->backend);
	memcpy(about->key, m->signer.key, sizeof(about->key));
	pdb__set_name(m->name, about->made_ts, about->database);
	pdb__manifest_begin(&m->manifest);
}

static pdb_status write_manifest(making *m, pdb_err *err)
{
	pdb_status status = pdb__manifest_finish(&m->manifest, &m->signer, err);
	int fd;

	if (status != PDB_OK) {
		return status;
	}
	fd = openat(m->set, PDB__MANIFEST_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || pdb__part_write(fd, pdb_buf_slice(&m->manifest.text)) != 0 ||
	    fsync(fd) != 0) {
		status = pdb__backup_errno(err, "write the", PDB__MANIFEST_NAME);
	}
	if (fd >= 0 && close(fd) != 0 && status == PDB_OK) {
		status = pdb__backup_errno(err, "write the", PDB__MANIFEST_NAME);
	}
	return status;
}

/* Everything is on disk before the name that says so, and that before anybody is told. */
static pdb_status publish(const making *m, pdb_err *err)
{
	if (fsync(m->data) != 0 || fsync(m->set) != 0 ||
	    renameat(m->directory, m->hidden, m->directory, m->name) != 0 ||
	    fsync(m->directory) != 0) {
		return pdb__backup_errno(err, "complete", m->name);
	}
	return PDB_OK;
}

static pdb_status make_set(making *m, pdb_err *err)
{
	pdb_status status = pdb__signer_init(&m->signer, m->source->state, err);

	if (status == PDB_OK) {
		begin_manifest(m);
		status = open_set(m, err);
	}
	if (status == PDB_OK) {
		open_earlier(m);
		status = pdb_store_files(m->source->store, add_file, m, err);
	}
	if (status == PDB_OK) {
		status = write_manifest(m, err);
	}
	return status == PDB_OK ? publish(m, err) : status;
}

static pdb_status open_target(making *m, pdb_err *err)
{
	const char *path = m->params->directory;

	if (path[0] != '/') {
		return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" is not an absolute path.", path);
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return pdb__backup_errno(err, "make the directory", path);
	}
	m->directory = open_directory(AT_FDCWD, path);
	return m->directory < 0 ? pdb__backup_errno(err, "open the directory", path) : PDB_OK;
}

static void tell_result(const making *m, pdb_backup_result *out)
{
	*out = (pdb_backup_result){
		.size = sizeof(*out),
		.made_ts = m->manifest.about.made_ts,
		.position = m->manifest.about.position,
		.bytes = m->manifest.about.bytes,
		.written = m->written,
	};
	memcpy(out->name, m->name, sizeof(m->name));
	memcpy(out->key, m->signer.key, sizeof(out->key));
}

static pdb_status make(making *m, pdb_backup_result *out, pdb_err *err)
{
	const char *database = pdb_store_database_id(m->source->store);
	pdb_status status = open_target(m, err);

	if (status != PDB_OK) {
		return status;
	}
	pdb__set_sweep(m->directory, database);
	m->bytes = pdb_mem_alloc(PDB__PART_MAX);
	status = m->bytes == NULL ? pdb_err_set(err, PDB_ENOMEM, NULL, "No memory for a backup.")
				  : make_set(m, err);
	if (status == PDB_OK) {
		tell_result(m, out);
		pdb__set_prune(m->directory, database, m->params->keep);
	} else if (m->set >= 0) {
		pdb__set_remove(m->directory, m->hidden);
	}
	return status;
}

static void close_all(making *m)
{
	int fds[] = {m->earlier, m->data, m->set, m->directory};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0) {
			(void)close(fds[i]);
		}
	}
	pdb__manifest_fini(&m->manifest);
	pdb__signer_fini(&m->signer);
	pdb_mem_free(m->bytes);
}

pdb_status pdb_backup_make(const pdb_backup_source *source, const pdb_backup_params *params,
			   pdb_backup_result *out, pdb_err *err)
{
	making m = {.source = source,
		    .params = params,
		    .directory = -1,
		    .set = -1,
		    .data = -1,
		    .earlier = -1};
	pdb_status status;

	if (pthread_mutex_trylock(&one_at_a_time) != 0) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "Another backup is running.");
	}
	status = make(&m, out, err);
	close_all(&m);
	(void)pthread_mutex_unlock(&one_at_a_time);
	return status;
}
