/* SPDX-License-Identifier: Apache-2.0 */
/* The WiredTiger backend: options, opening and closing, sync, and what the engine says. */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wiredtiger_private.h"

#define SNAPPY_FILE "libwiredtiger_snappy.so"
/* The size of a table that nothing was written to. */
#define TABLE_EMPTY 4096
#ifndef PDB_WIREDTIGER_SNAPPY
#define PDB_WIREDTIGER_SNAPPY ""
#endif

static const char *const COMPRESSORS[] = {"snappy", "none", NULL};

static const pdb_option OPTIONS[] = {
	{.key = "storage.wiredtiger.cache_size",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(pdb__wiredtiger_settings, cache_size),
	 .fallback = "256MiB",
	 .min = INT64_C(16) << 20,
	 .max = INT64_C(1) << 43,
	 .unit = "bytes",
	 .help = "Memory for pages; the process uses about 1.6 times this."},
	{.key = "storage.wiredtiger.log_file_max",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(pdb__wiredtiger_settings, log_file_max),
	 .fallback = "64MiB",
	 .min = INT64_C(1) << 20,
	 .max = INT64_C(1) << 30,
	 .unit = "bytes",
	 .help = "Size at which a new log file is begun."},
	{.key = "storage.wiredtiger.checkpoint_log_size",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(pdb__wiredtiger_settings, checkpoint_log_size),
	 .fallback = "256MiB",
	 .min = INT64_C(1) << 20,
	 .max = INT64_C(1) << 31,
	 .unit = "bytes",
	 .help = "A checkpoint is taken after this much log."},
	{.key = "storage.wiredtiger.checkpoint_wait",
	 .type = PDB_OPTION_DURATION,
	 .offset = offsetof(pdb__wiredtiger_settings, checkpoint_wait),
	 .fallback = "60s",
	 .min = INT64_C(1000000000),
	 .max = INT64_C(100000) * 1000000000,
	 .help = "A checkpoint is taken after this much time, in whole seconds."},
	{.key = "storage.wiredtiger.compressor",
	 .type = PDB_OPTION_ENUM,
	 .offset = offsetof(pdb__wiredtiger_settings, compressor),
	 .fallback = "snappy",
	 .choices = COMPRESSORS,
	 .help = "How pages are compressed on disk; decided when the database is made."},
	{.key = "storage.wiredtiger.session_max",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb__wiredtiger_settings, session_max),
	 .fallback = "512",
	 .min = 32,
	 .max = 20000,
	 .help = "Transactions that may be open at once, with those of the engine itself."},
};

static pdb_status status_of(int code)
{
	switch (code) {
	case WT_ROLLBACK:
		return PDB_ECONFLICT;
	case WT_NOTFOUND:
		return PDB_ENOTFOUND;
	case WT_DUPLICATE_KEY:
		return PDB_EEXISTS;
	case WT_CACHE_FULL:
	case EBUSY:
	case EAGAIN:
		return PDB_EBUSY;
	case ENOMEM:
		return PDB_ENOMEM;
	case ENOSPC:
	case EDQUOT:
		return PDB_EFULL;
	default:
		return PDB_EBACKEND;
	}
}

pdb_status pdb__wiredtiger_error(const pdb__wiredtiger *db, int code, const char *what,
				 pdb_err *err)
{
	if ((code == WT_PANIC || code == WT_RUN_RECOVERY) && !db->opening) {
		/* Nothing more can be promised, and closing a panicked engine may hang. */
		db->host->fatal("wiredtiger", "%s: %s", what, wiredtiger_strerror(code));
	}
	return pdb_err_set(err, status_of(code), NULL, "wiredtiger: %s: %s.", what,
			   wiredtiger_strerror(code));
}

static int handle_error(WT_EVENT_HANDLER *handler, WT_SESSION *session, int code,
			const char *message)
{
	/* The handler is the first member. */
	const pdb__wiredtiger *db = (const pdb__wiredtiger *)(void *)handler;

	(void)session;
	if (code == WT_PANIC && !db->opening) {
		db->host->fatal("wiredtiger", "%s", message);
	}
	db->host->log(PDB_LOG_ERROR, "wiredtiger", "%s", message);
	return 0;
}

static int handle_message(WT_EVENT_HANDLER *handler, WT_SESSION *session, const char *message)
{
	const pdb__wiredtiger *db = (const pdb__wiredtiger *)(void *)handler;

	(void)session;
	db->host->log(PDB_LOG_INFO, "wiredtiger", "%s", message);
	return 0;
}

/* Finds the compressor beside the engine's library, else where the build saw it; "" when absent. */
static void find_snappy(char *path, size_t size)
{
	Dl_info info;
	char library[PATH_MAX];

	path[0] = '\0';
	if (dladdr((void *)(uintptr_t)wiredtiger_open, &info) != 0 && info.dli_fname != NULL &&
	    realpath(info.dli_fname, library) != NULL) {
		(void)snprintf(path, size, "%s/" SNAPPY_FILE, dirname(library));
	}
	if (path[0] == '\0' || access(path, R_OK) != 0) {
		(void)snprintf(path, size, "%s", PDB_WIREDTIGER_SNAPPY);
	}
	/* A path that cannot stand in the engine's configuration is as good as none. */
	if (path[0] != '\0' && (access(path, R_OK) != 0 || strpbrk(path, "\"\\,()[]") != NULL)) {
		path[0] = '\0';
	}
}

static int open_connection(pdb__wiredtiger *db, const char *snappy, bool salvage)
{
	const pdb__wiredtiger_settings *s = db->settings;
	char config[PATH_MAX + 1024];
	int len = snprintf(
		config, sizeof(config),
		"create,use_environment=false,config_base=false,cache_size=%" PRId64
		",session_max=%" PRId64 ",log=(enabled,archive=true,file_max=%" PRId64
		"),checkpoint=(log_size=%" PRId64 ",wait=%" PRId64
		"),eviction_dirty_target=50,eviction_dirty_trigger=75,statistics=(fast)%s%s%s%s",
		s->cache_size, s->session_max, s->log_file_max, s->checkpoint_log_size,
		s->checkpoint_wait / INT64_C(1000000000),
		snappy[0] != '\0' ? ",extensions=[\"" : "", snappy, snappy[0] != '\0' ? "\"]" : "",
		salvage ? ",salvage=true" : "");

	if (len < 0 || (size_t)len >= sizeof(config)) {
		return EINVAL;
	}
	return wiredtiger_open(db->directory, &db->handler, config, &db->connection);
}

/* After a power cut the end of the log may need mending; nothing that was synced is lost by it. */
static pdb_status open_engine(pdb__wiredtiger *db, const char *snappy, pdb_err *err)
{
	int code = open_connection(db, snappy, false);
	pdb_status status;

	if (code == WT_TRY_SALVAGE) {
		db->host->log(PDB_LOG_ERROR, "wiredtiger",
			      "the files of %s are damaged; they are copied aside and salvaged",
			      db->directory);
		status = pdb__wiredtiger_set_aside(db, err);
		if (status != PDB_OK) {
			return status;
		}
		code = open_connection(db, snappy, true);
		if (code == 0) {
			db->host->log(PDB_LOG_ERROR, "wiredtiger",
				      "salvaged %s; run a check of the database", db->directory);
		}
	}
	if (code == 0) {
		return PDB_OK;
	}
	db->connection = NULL;
	(void)pdb__wiredtiger_error(db, code, "open", err);
	return code == WT_TRY_SALVAGE || code == WT_ERROR || code == WT_PANIC
		       ? pdb_err_set(err, PDB_ECORRUPT, NULL,
				     "wiredtiger: the files of %s are damaged.", db->directory)
		       : status_of(code);
}

static pdb_status open_table(pdb__wiredtiger *db, const char *snappy, pdb_err *err)
{
	/* No key or value is ever an overflow item: the bugs of this release are there. */
	static const char layout[] = "key_format=u,value_format=u,leaf_page_max=16K,"
				     "internal_page_max=16K,leaf_key_max=2K,internal_key_max=2K,"
				     "leaf_value_max=8M,block_compressor=";
	char config[sizeof(layout) + 16];
	bool compress = db->settings->compressor == 0;
	WT_SESSION *session = NULL;
	int code;

	if (compress && snappy[0] == '\0') {
		return pdb_err_set(err, PDB_ENOTSUP, NULL,
				   "There is no " SNAPPY_FILE
				   "; set storage.wiredtiger.compressor: none.");
	}
	(void)snprintf(config, sizeof(config), "%s%s", layout, compress ? "snappy" : "none");
	code = db->connection->open_session(db->connection, NULL, NULL, &session);
	if (code == 0) {
		code = session->create(session, PDB__WIREDTIGER_TABLE, config);
		db->sync_session = session;
	}
	return code == 0 ? PDB_OK : pdb__wiredtiger_error(db, code, "create", err);
}

/* The engine would obey a file of this name, also one that loads code. */
static pdb_status refuse_config_file(const pdb__wiredtiger *db, pdb_err *err)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/WiredTiger.config", db->directory);

	if (len < 0 || (size_t)len >= sizeof(path)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "The directory's path is too long.");
	}
	if (access(path, F_OK) == 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s would override the configuration; remove it.", path);
	}
	return PDB_OK;
}

static bool has_file(const pdb__wiredtiger *db, const char *name, off_t larger_than)
{
	char path[PATH_MAX];
	struct stat info;
	int len = snprintf(path, sizeof(path), "%s/%s", db->directory, name);

	return len > 0 && (size_t)len < sizeof(path) && stat(path, &info) == 0 &&
	       info.st_size > larger_than;
}

/*
 * Without the file that says where everything is the engine puts the others aside and begins an
 * empty database. A table that was never written has one block: its making was interrupted.
 */
static pdb_status refuse_lost_files(const pdb__wiredtiger *db, pdb_err *err)
{
	if (has_file(db, "progressdb.wt", TABLE_EMPTY) && !has_file(db, "WiredTiger.turtle", 0) &&
	    !has_file(db, "WiredTiger.turtle.set", 0) && !has_file(db, "WiredTiger.backup", 0)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "wiredtiger: %s has a table, but no WiredTiger.turtle that "
				   "leads to it; bring the file back, or restore a backup.",
				   db->directory);
	}
	return PDB_OK;
}

static pdb_status open_all(pdb__wiredtiger *db, pdb_err *err)
{
	char snappy[PATH_MAX];
	pdb_status status = refuse_config_file(db, err);

	if (status == PDB_OK) {
		status = refuse_lost_files(db, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	find_snappy(snappy, sizeof(snappy));
	status = open_engine(db, snappy, err);
	if (status == PDB_OK && db->connection != NULL) {
		status = open_table(db, snappy, err);
	}
	return status;
}

static void wiredtiger_db_close(void **db_)
{
	pdb__wiredtiger *db = *db_;
	int code = 0;

	*db_ = NULL;
	if (db == NULL) {
		return;
	}
	pdb__wiredtiger_pool_drain(db);
	if (db->connection != NULL) {
		/* Takes a last checkpoint, and closes what sessions are left. */
		code = db->connection->close(db->connection, NULL);
	}
	if (code != 0) {
		db->host->log(PDB_LOG_ERROR, "wiredtiger", "closing: %s",
			      wiredtiger_strerror(code));
	}
	(void)pthread_mutex_destroy(&db->pool_lock);
	(void)pthread_mutex_destroy(&db->backup_lock);
	db->host->free(db->directory);
	db->host->free(db);
}

static pdb__wiredtiger *create(const pdb_storage_params *params)
{
	size_t len = strlen(params->directory) + 1;
	pdb__wiredtiger *db = params->host->alloc(sizeof(*db));
	char *directory = params->host->alloc(len);

	if (db == NULL || directory == NULL) {
		params->host->free(db);
		params->host->free(directory);
		return NULL;
	}
	memcpy(directory, params->directory, len);
	*db = (pdb__wiredtiger){
		.handler = {.handle_error = handle_error, .handle_message = handle_message},
		.host = params->host,
		.settings = params->settings,
		.opening = true,
		.directory = directory,
	};
	(void)pthread_mutex_init(&db->pool_lock, NULL);
	(void)pthread_mutex_init(&db->backup_lock, NULL);
	return db;
}

static pdb_status wiredtiger_db_open(const pdb_storage_params *params, void **db_out, pdb_err *err)
{
	pdb__wiredtiger *db = create(params);
	pdb_status status;
	void *half;

	if (db == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "No memory for the backend.");
	}
	status = open_all(db, err);
	if (status != PDB_OK) {
		half = db;
		wiredtiger_db_close(&half);
		return status;
	}
	db->opening = false;
	*db_out = db;
	return PDB_OK;
}

static pdb_status wiredtiger_sync(void *db_, pdb_err *err)
{
	pdb__wiredtiger *db = db_;
	int code = db->sync_session->log_flush(db->sync_session, "sync=on");

	return code == 0 ? PDB_OK : pdb__wiredtiger_error(db, code, "log_flush", err);
}

static const pdb_storage_ops wiredtiger_ops = {
	.size = sizeof(pdb_storage_ops),
	.capabilities = PDB_STORAGE_GLOBAL_SCAN | PDB_STORAGE_DIRECTORY,
	.open = wiredtiger_db_open,
	.close = wiredtiger_db_close,
	.begin = pdb__wiredtiger_begin,
	.get = pdb__wiredtiger_get,
	.put = pdb__wiredtiger_put,
	.insert = pdb__wiredtiger_insert,
	.remove = pdb__wiredtiger_remove,
	.scan = pdb__wiredtiger_scan,
	.commit = pdb__wiredtiger_commit,
	.abort = pdb__wiredtiger_abort,
	.sync = wiredtiger_sync,
	.backup = pdb__wiredtiger_backup,
	.stats = pdb__wiredtiger_stats,
	.check = pdb__wiredtiger_check,
	.files = pdb__wiredtiger_files,
};

PDB_PLUGIN(wiredtiger, STORAGE, "0.1.0", "Apache-2.0",
	   "Rows on disk with the WiredTiger engine (GPL-2 or GPL-3).",
	   .options = PDB_OPTION_TABLE(OPTIONS, pdb__wiredtiger_settings), .ops = &wiredtiger_ops);
