/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the daemon share. */
#ifndef PDB_DAEMON_DAEMON_H
#define PDB_DAEMON_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "config/config.h"
#include "keyring/keyring.h"
#include "wire/stream.h"

#define KMS_CONFIG_FILE   "/etc/progressdb/progressdb-kms.yaml"
#define KMS_LISTENERS_MAX 8u
#define KMS_TOKENS_MAX    64u
#define KMS_WHO_MAX       192u

extern const pdb_host kms_daemon_host;

/* -- options ------------------------------------------------------------------------------------
 */

/* Names of callers by role: users, or certificates. */
typedef struct kms_callers {
	pdb_option_list server;
	pdb_option_list operator_;
	pdb_option_list auditor;
} kms_callers;

typedef struct kms_settings {
	pdb_option_list listen;
	const char *data_dir;
	const char *kek_dir;
	const char *master_key_file;
	const char *master_key_hex;
	int64_t locked_memory;
	int64_t audit_file_size;
	kms_callers users;
	kms_callers certificates;
	const char *token_file;
	const char *certificate_file;
	const char *key_file;
	const char *client_ca_file;
	int64_t max_connections;
	int64_t idle_timeout;
	int64_t request_timeout;
	int64_t log_level;
	int64_t log_format;
} kms_settings;

extern const pdb_option_table kms_daemon_options;
void kms_daemon_check(const void *settings, pdb_problem_fn problem, void *arg);

/* -- callers ------------------------------------------------------------------------------------
 */

/* What one reading of the configuration says of callers. It never changes: a reload makes another
 * one, and each request is judged by the newest. */
typedef struct kms_access {
	uint64_t number;
	unsigned uses;      /* under the daemon's access_lock */
	pdb_config *config; /* owned; NULL for the one that it was started with */
	const kms_settings *settings;
	wire_token *tokens; /* locked memory */
	size_t token_count;
	SSL_CTX *tls;
} kms_access;

/* One request, and by what its caller is judged. */
typedef struct kms_call {
	const kms_access *access;
	wire_head head;
	pdb_slice body;
} kms_call;

typedef struct kms_peer {
	unsigned roles; /* bits of wire_role */
	char who[KMS_WHO_MAX];
	bool must_prove; /* every request needs a proof under a token */
	uint64_t judged; /* the number of the access that has judged it */
	int64_t until;   /* unix seconds at which it is to be judged anew */
} kms_peer;

/* Nonces that were used, each for as long as its time would be accepted. */
typedef struct kms_nonces kms_nonces;
kms_nonces *kms_nonces_create(int64_t now);
void kms_nonces_destroy(kms_nonces **nonces);
/* True once for a nonce; false when it was used, or may have been, or when no more can be
 * remembered. `now` and when its proof was made are unix seconds. Threads: any. */
bool kms_nonces_use(kms_nonces *nonces, const char *nonce, int64_t now, int64_t made);

#define KMS_SKEW_MAX 60 /* seconds that the clocks of both sides may differ */

/* -- the daemon ---------------------------------------------------------------------------------
 */

typedef struct kms_listener {
	wire_endpoint endpoint;
	int fd;
} kms_listener;

typedef struct kms_connection {
	struct kms_daemon *daemon;
	const kms_listener *listener;
	pthread_t thread;
	int fd; /* -1 = free */
	bool ended;
} kms_connection;

typedef struct kms_daemon {
	const char *file;             /* of the configuration; NULL = the usual one */
	const kms_settings *settings; /* what it was started with; lives to the end */
	pdb_config *config;
	pdb_keyring *keyring;
	kms_nonces *nonces;
	pthread_mutex_t access_lock;
	kms_access *access; /* the newest */
	uint64_t access_count;
	kms_listener listeners[KMS_LISTENERS_MAX];
	size_t listener_count;
	pthread_mutex_t lock; /* the connections */
	kms_connection *connections;
	atomic_bool stop;
	atomic_llong refused_second; /* how many refusals the audit log got in which second */
	atomic_uint refused_count;
} kms_daemon;

/* Reads tokens and certificates for the listeners, and judges callers by them from now on. Owns:
 * *config, which becomes NULL; `config` may be NULL. What was stays in force when it fails.
 * Errors: PDB_EINVAL, PDB_EDENIED (file open to others), PDB_ENOMEM. */
pdb_status kms_access_use(kms_daemon *daemon, pdb_config **config, const kms_settings *settings,
			  pdb_err *err);
/* The newest, which lives until it is given back.  Threads: any. */
kms_access *kms_access_take(kms_daemon *daemon);
void kms_access_give(kms_daemon *daemon, kms_access **access);

/* Who is at the other end; does nothing when `out` is still good. PDB_EDENIED when it is nobody. */
pdb_status kms_peer_find(const kms_access *access, const kms_listener *listener,
			 const wire_stream *stream, kms_peer *out, pdb_err *err);
/* Judges the proof of a request and fills `peer` anew; *token_out is what proves the answer.
 * Errors: PDB_EUNAUTHENTICATED. */
pdb_status kms_peer_prove(const kms_daemon *daemon, const kms_call *call, kms_peer *peer,
			  const wire_token **token_out, pdb_err *err);
/* Notes a refusal in the audit log, but no more than some in a second; whether it did. */
bool kms_peer_refused(kms_daemon *daemon, const char *who, const char *op);

pdb_status kms_listen(kms_daemon *daemon, pdb_err *err);
void kms_listen_end(kms_daemon *daemon);

/* Begins a thread for an accepted socket; closes it when there is no room. */
void kms_serve(kms_daemon *daemon, const kms_listener *listener, int fd);
/* Lets requests end that have begun, and waits for them. */
void kms_serve_end(kms_daemon *daemon);

/* Does what is asked; `out` becomes the body of the answer. */
pdb_status kms_handle(kms_daemon *daemon, const kms_peer *peer, wire_op op, pdb_slice body,
		      wire_buf *out);
/* The body of a refusal. */
void kms_refuse(wire_buf *out, const pdb_err *err);

/* Adds the file to what the environment and the flags gave, and judges it all. */
pdb_status kms_config_finish(const kms_daemon *daemon, pdb_config *config,
			     const kms_settings **settings_out, pdb_err *err);
/* Reads the file anew, takes over what may change, and says so in the log. */
void kms_reload(kms_daemon *daemon);
void kms_log_use(const kms_settings *settings);

void kms_notify(const char *state);
/* Runs until it is told to stop; the exit status. */
int kms_run(kms_daemon *daemon);
int kms_daemon_main(int argc, char **argv);

#endif
