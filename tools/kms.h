/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about keys share. */
#ifndef PDB_TOOLS_KMS_H
#define PDB_TOOLS_KMS_H

#include <pdb/kms.h>

#include "tools/command.h"

/* Where the keys are: a KMS that runs, or the directory of one that does not. */
typedef struct pdb_kms_place {
	const char *endpoint;
	const char *token_file;
	const char *tls_ca;
	const char *tls_cert;
	const char *tls_key;
	const char *dir;
	const char *kek_dir;
	const char *master_key_file;
	const char *actor;
	const char *plugins;
} pdb_kms_place;

/* Rows for it, at `offset` of the settings; the table goes on behind them. */
#define PDB_KMS_PLACE_ARGS(settings_)                                                              \
	{"endpoint",                                                                               \
	 'e',                                                                                      \
	 PDB_ARG_TEXT,                                                                             \
	 offsetof(settings_, place.endpoint),                                                      \
	 "URL",                                                                                    \
	 "unix:/run/progressdb-kms/kms.sock",                                                      \
	 0,                                                                                        \
	 "PROGRESSDB_KMS_ENDPOINT",                                                                \
	 "where progressdb-kms listens"},                                                          \
		{"token-file",                                                                     \
		 0,                                                                                \
		 PDB_ARG_TEXT,                                                                     \
		 offsetof(settings_, place.token_file),                                            \
		 "FILE",                                                                           \
		 NULL,                                                                             \
		 0,                                                                                \
		 NULL,                                                                             \
		 "the token, for http"},                                                           \
		{"tls-ca",                                                                         \
		 0,                                                                                \
		 PDB_ARG_TEXT,                                                                     \
		 offsetof(settings_, place.tls_ca),                                                \
		 "FILE",                                                                           \
		 NULL,                                                                             \
		 0,                                                                                \
		 NULL,                                                                             \
		 "authorities of the KMS's certificate, for https"},                               \
		{"tls-cert", 0, PDB_ARG_TEXT, offsetof(settings_, place.tls_cert), "FILE",         \
		 NULL,       0, NULL,         "the own certificate, for https"},                   \
		{"tls-key",                                                                        \
		 0,                                                                                \
		 PDB_ARG_TEXT,                                                                     \
		 offsetof(settings_, place.tls_key),                                               \
		 "FILE",                                                                           \
		 NULL,                                                                             \
		 0,                                                                                \
		 NULL,                                                                             \
		 "its private key"},                                                               \
		{"dir",                                                                            \
		 0,                                                                                \
		 PDB_ARG_TEXT,                                                                     \
		 offsetof(settings_, place.dir),                                                   \
		 "DIR",                                                                            \
		 NULL,                                                                             \
		 0,                                                                                \
		 NULL,                                                                             \
		 "the directory of keys itself, when nothing has it open"},                        \
		{"kek-dir", 0, PDB_ARG_TEXT, offsetof(settings_, place.kek_dir),         "DIR",    \
		 NULL,      0, NULL,         "its KEK versions, when they lie elsewhere"},         \
		{"master-key-file",                                                                \
		 0,                                                                                \
		 PDB_ARG_TEXT,                                                                     \
		 offsetof(settings_, place.master_key_file),                                       \
		 "FILE",                                                                           \
		 NULL,                                                                             \
		 0,                                                                                \
		 NULL,                                                                             \
		 "the master key, with --dir"},                                                    \
		{"actor", 0, PDB_ARG_TEXT, offsetof(settings_, place.actor),    "NAME",            \
		 NULL,    0, NULL,         "on whose behalf, for the audit log"},                  \
	{                                                                                          \
		"plugins", 0, PDB_ARG_TEXT, offsetof(settings_, place.plugins), "DIR", NULL, 0,    \
			NULL, "where the plugins are; those of this program when not given"        \
	}

typedef struct pdb_kms_session {
	const pdb_kms_ops *ops;
	void *kms;
	const char *actor;
	struct pdb_config *config;
	struct pdb_loader *loader;
	char plugins[4096];
	char directory[4096];
} pdb_kms_session;

/* Opens; complains itself. PDB_EXIT_OK, or how the program ends. Owes pdb_kms_session_end. */
pdb_exit pdb_kms_session_begin(pdb_kms_session *session, const pdb_kms_place *place);
void pdb_kms_session_end(pdb_kms_session *session);
/* Says what went wrong, and how the program ends. */
pdb_exit pdb_kms_failed(const pdb_err *err);

/* Time as people read it; "-" for 0. */
void pdb_kms_time(int64_t when, char out[32]);

/* One pass over all keys with a bar. */
pdb_exit pdb_kms_pass(pdb_kms_session *session, bool quiet, const char *verb,
		      pdb_status (*step)(void *, uint32_t, pdb_kms_progress *, pdb_err *));

#endif
