/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef PDB_SERVER_PRIVATE_H
#define PDB_SERVER_PRIVATE_H

#include <limits.h>
#include <pdb/control.h>
#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "chat/chat.h"
#include "config/config.h"
#include "http/http.h"
#include "jobs/jobs.h"
#include "plugin/loader.h"
#include "server/pool.h"
#include "store/store.h"

#define PDB_VERSION      "0.1.0"
#define PDB_CONFIG_FILE  "/etc/progressdb/progressdb.yaml"
#define PDB_EXIT_FAILURE 1
#define PDB_EXIT_CONFIG  2
#define PDB_STOP_TIMEOUT (INT64_C(8) * 1000 * 1000 * 1000)
#define PDB_PLUGINS_MAX  32u

/* What the command line asked for. */
typedef enum pdb_command {
	PDB_COMMAND_RUN = 0,
	PDB_COMMAND_CHECK_CONFIG,
	PDB_COMMAND_DUMP_CONFIG,
	PDB_COMMAND_CONFIG_SCHEMA,
	PDB_COMMAND_CONFIG_SAMPLE,
	PDB_COMMAND_CONFIG_REFERENCE,
	PDB_COMMAND_HELP,
	PDB_COMMAND_VERSION
} pdb_command;

typedef struct pdb_flag {
	const char *spelling; /* "--addr" */
	const char *key;
	const char *value;
} pdb_flag;

#define PDB_FLAGS_MAX 64u

typedef struct pdb_command_line {
	pdb_command command;
	const char *config_file; /* NULL = not given */
	pdb_flag flags[PDB_FLAGS_MAX];
	size_t flag_count;
} pdb_command_line;

/* Errors: PDB_EINVAL with a sentence. Everything is borrowed from `argv`. */
pdb_status pdb__command_line_parse(pdb_command_line *out, int argc, char **argv, pdb_err *err);
const char *pdb__command_line_help(void);

/* The options of the daemon itself. */
typedef struct pdb_server_settings {
	const char *db_path;
	int64_t log_level;
	const char *log_sink;
	const char *access_sink;
	int64_t log_format;
	pdb_option_list log_levels;
	pdb_option_list plugins;
	const char *plugin_directory;
	int64_t workers;
	int64_t worker_queue;
} pdb_server_settings;

/* Which provider keeps the keys. */
typedef struct pdb_key_settings {
	const char *provider;
	const char *directory;
} pdb_key_settings;
extern const pdb_option_table pdb__key_options; /* fills a pdb_key_settings */

/* A plugin and the settings it was given. */
typedef struct pdb_fitted {
	pdb_plugin *plugin;
	const void *settings;
} pdb_fitted;

/* One reading of the configuration: the snapshot and where each reader's settings are in it. */
typedef struct pdb_setup {
	pdb_config *config;
	const pdb_server_settings *server;
	const pdb_http_settings *http;
	const pdb_chat_settings *chat;
	const pdb_store_options_settings *store;
	pdb_fitted storage;
	pdb_fitted inner;             /* empty without storage.inner */
	const pdb_key_settings *keys; /* both empty unless a plugin uses keys */
	pdb_fitted kms;
	pdb_fitted plugins[PDB_PLUGINS_MAX];
	size_t plugin_count;
	char db_path[PATH_MAX];  /* absolute */
	char dev_keys[PATH_MAX]; /* "" unless started without any configuration */
} pdb_setup;

/* The audit log, open. `fd` is -1 before and after. */
typedef struct pdb_audit {
	pthread_mutex_t lock;
	int fd;
	char path[PATH_MAX];
} pdb_audit;
#define PDB_AUDIT_CLOSED                                                                           \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1                                        \
	}

typedef struct pdb_server {
	pdb_command_line line;
	char *const *environment;
	pdb_loader *loader;
	pdb_setup first;   /* what it was started with; lives to the end */
	pdb_setup current; /* what a reload brought; config is NULL until then */
	pdb_config **kept; /* snapshots that a plugin may still read, because its reload failed */
	size_t kept_count;
	pdb_store *store;
	pdb_chat *chat;
	pdb_pool *pool;
	pdb_jobs *jobs;
	pdb_http *http;
	atomic_bool ready;
	int64_t started; /* wall clock */
	pthread_mutex_t reload_lock;
	pdb_audit audit;
} pdb_server;

extern const pdb_option_table pdb__server_options; /* fills a pdb_server_settings */
/* For pdb_config_read: judges what one row cannot. */
void pdb__server_check(const void *settings, pdb_problem_fn problem, void *arg);
/* Levels and format of the log. */
void pdb__server_log_use(const pdb_server_settings *settings);

/* Reads the configuration of `server` into *out. Problems are in out->config afterwards; an error
 * means that reading itself failed. Owns: out->config, freed by pdb__setup_fini. */
pdb_status pdb__setup_read(pdb_server *server, pdb_setup *out, pdb_err *err);
void pdb__setup_fini(pdb_setup *setup);
/* Frees what reloads have brought; no plugin runs any more. */
void pdb__setup_forget(pdb_server *server);
/* Reads anew and hands reloadable settings to the plugins; the old ones stay when anything is
 * wrong. `told` may be NULL. Errors: PDB_ERULE, PDB_EBUSY while another runs.  Threads: any. */
pdb_status pdb__setup_reload(pdb_server *server, pdb_reload_fn told, void *arg, pdb_err *err);

/* Writes <db>/dev-keys.yaml (0600) with new keys unless it exists. Errors: PDB_EBACKEND. */
pdb_status pdb__dev_keys_make(const char *path, pdb_err *err);
/* Prints the keys and a curl line that works when pasted. */
void pdb__dev_keys_print(const char *path, int port);

/* Declares what the daemon counts of itself; forgets it at the very end. */
pdb_status pdb__server_measure(pdb_server *server, pdb_err *err);
pdb_status pdb__process_measure(pdb_server *server, pdb_err *err);
void pdb__server_unmeasure(void);

typedef enum pdb__reload_result {
	PDB__RELOAD_OK = 0,
	PDB__RELOAD_REFUSED, /* the old configuration is in force */
	PDB__RELOAD_PARTIAL  /* a plugin keeps its old settings, or TLS does */
} pdb__reload_result;

void pdb__count_reload(pdb__reload_result result);
/* Whether the plugin took its last settings. */
void pdb__count_plugin(const char *name, bool well);

/* Adds /healthz and /readyz. */
pdb_status pdb__health_register(pdb_server *server, pdb_sockets *sockets, pdb_err *err);

/* The table handed to plugins, and the service tables it points to. */
extern const pdb_host pdb__host;

/* Opens the provider of keys, if there is to be one. */
pdb_status pdb__keys_open(pdb_server *server, pdb_err *err);
void pdb__keys_close(pdb_server *server);
/* Hands new settings to the provider that is open; fine when `fresh` is another one, which needs a
 * restart. Errors: those of the provider. */
pdb_status pdb__keys_reload(const pdb_fitted *fresh, pdb_err *err);
/* False while those who use the provider say that it does not answer. */
bool pdb__keys_answer(void);
extern const pdb_host_kms pdb__host_kms;

/* `path` from the working directory; `out` has PATH_MAX bytes. Errors: PDB_EBACKEND. */
pdb_status pdb__absolute_path(char *out, const char *path, pdb_err *err);

extern const pdb_host_control pdb__host_control;

/* Names the server that the control table speaks of, NULL for none any more; main thread. */
void pdb__control_use(pdb_server *server);
/* Says that requests come from here on. */
void pdb__control_opened(void);

/* Opens <db>/state/audit/audit.log and writes the first line. Errors: PDB_EBACKEND. */
pdb_status pdb__audit_open(pdb_audit *audit, const char *db_path, pdb_err *err);
void pdb__audit_close(pdb_audit *audit);
/* Appends {"ts":…,<members>} and syncs it; opens the file anew when it was moved away.
 * Errors: PDB_EINVAL, PDB_EFULL, PDB_EBACKEND.  Threads: any, may block. */
pdb_status pdb__audit_write(pdb_audit *audit, pdb_slice members, pdb_err *err);

/* How often the service manager wants to hear that all is well, with room to spare; 0 = never. */
int64_t pdb__watchdog_period(void);
/* Tells it so, unless commits wait for a sync and none has ended since the last call. */
void pdb__watchdog_feed(const pdb_server *server);

/* Tells the service manager (sd_notify(3), the NOTIFY_SOCKET protocol), if there is one. */
void pdb__notify(const char *state);

/* Blocks the signals this room handles, in this and all later threads. */
void pdb__signals_block(void);
/* Waits for SIGHUP (reload), SIGUSR1 (open the log files again), SIGTERM or SIGINT. From the first
 * stop signal on, a second one ends the process at once. Returns the signal, or 0 after `timeout`
 * nanoseconds (0 = never). */
int pdb__signals_wait(int64_t timeout);
void pdb__signals_second_kills(void);

/* Starts everything in order; undoes what was started when a step fails. */
pdb_status pdb__startup_run(pdb_server *server, pdb_err *err);
/* Ends everything in reverse order. */
void pdb__startup_undo(pdb_server *server);

#endif
