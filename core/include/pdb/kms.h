/* SPDX-License-Identifier: Apache-2.0 */
/* The key-service provider: keys of threads, wrapped by key-encryption keys that it guards. */
#ifndef PDB_KMS_H
#define PDB_KMS_H

#include <pdb/slice.h>
#include <pdb/status.h>

struct pdb_host;

/*
 * Model. A DEK (data-encryption key, 32 bytes) belongs to one thread and is known by a key id of
 * 128 random bits. It has versions 1, 2, 3 …; a new one is for new writes, older ones stay
 * readable. The provider keeps every version wrapped by a version of its KEK (key-encryption key),
 * which never leaves it. A DEK is handed out in clear; the caller keeps it in locked memory and
 * wipes it.
 *
 * A key is made for a thread, or ahead and without one ("prepared"), so that creating a thread
 * need not wait; claim() then binds it. No call ever replaces a key.
 *
 * Erasure. destroy() of a key is LOGICAL at once: no call unwraps it again. It is FINAL when the
 * KEK versions that ever wrapped it are destroyed too (rotate_kek, rewrap, verify, retire).
 *
 * Results beside PDB_OK: PDB_EUNAVAILABLE: not reachable or not able just now, try later;
 * PDB_EDENIED: not allowed (the caller, a disabled KEK, a key of another thread); PDB_ENOTFOUND:
 * unknown or destroyed; PDB_ECORRUPT: stored, but does not open; PDB_EINVAL; PDB_ENOMEM. Whatever
 * is not PDB_OK hands out no key bytes, and a caller that cannot have a key must not store in
 * clear.
 *
 * `actor` says on whose behalf, for the audit; NULL = the server itself.
 */
#define PDB_KMS_ID_SIZE     40u  /* 32 lower-case hex digits, and NUL to the end */
#define PDB_KMS_THREAD_SIZE 136u /* a thread id of at most 128 bytes, and NUL to the end */
#define PDB_KMS_DEK_SIZE    32u

typedef enum pdb_kms_key_state {
	PDB_KMS_KEY_PREPARED = 1,
	PDB_KMS_KEY_BOUND = 2,
	PDB_KMS_KEY_DESTROYED = 3
} pdb_kms_key_state;

typedef enum pdb_kms_kek_state {
	PDB_KMS_KEK_STANDBY = 1,      /* made, not used yet */
	PDB_KMS_KEK_ACTIVE = 2,       /* wraps; exactly one */
	PDB_KMS_KEK_DECRYPT_ONLY = 3, /* unwraps what it has wrapped */
	PDB_KMS_KEK_DISABLED = 4,     /* refuses; can be enabled again */
	PDB_KMS_KEK_DESTROYED = 5     /* its bytes are gone */
} pdb_kms_kek_state;

typedef enum pdb_kms_shred_state {
	PDB_KMS_SHRED_LIVE = 0,
	PDB_KMS_SHRED_LOGICAL = 1,
	PDB_KMS_SHRED_FINAL = 2
} pdb_kms_shred_state;

/* One version of a key. The caller sets `size` and `dek`, the provider fills the rest. */
typedef struct pdb_kms_key {
	uint32_t size;
	uint32_t state;       /* pdb_kms_key_state */
	uint32_t dek_version; /* the version this is about */
	uint32_t newest;      /* the newest version of the key */
	uint32_t kek_version; /* what wraps this version */
	uint32_t held;        /* 1 = under a hold: it is not destroyed */
	int64_t created;      /* nanoseconds since 1970 UTC */
	/* PDB_KMS_DEK_SIZE bytes of the caller's, best locked; NULL = the DEK is not wanted */
	uint8_t *dek;
	char id[PDB_KMS_ID_SIZE];
	char kek_id[PDB_KMS_ID_SIZE];
	char thread[PDB_KMS_THREAD_SIZE]; /* "" while prepared */
} pdb_kms_key;

/* A version of the KEK. */
typedef struct pdb_kms_kek {
	uint32_t size;
	uint32_t version;
	uint32_t state; /* pdb_kms_kek_state */
	uint32_t reserved;
	uint64_t keys; /* wrapped DEKs (all versions of all keys) that need it */
	int64_t created;
	char id[PDB_KMS_ID_SIZE];
} pdb_kms_kek;

/* How far a pass over all keys is. Begin with everything but `size` zero; keep it for the next
 * call. */
typedef struct pdb_kms_progress {
	uint32_t size;
	uint32_t finished; /* 1 when the pass is over */
	uint64_t done;
	uint64_t total;
	uint64_t failed; /* keys that did not open; the pass goes on */
	char cursor[PDB_KMS_ID_SIZE];
} pdb_kms_progress;

/* What erasing a key has reached. */
typedef struct pdb_kms_shred {
	uint32_t size;
	uint32_t state; /* pdb_kms_shred_state */
	uint32_t
		kek_version; /* the newest KEK version that must be destroyed for FINAL; 0 = none */
	uint32_t reserved;
	int64_t destroyed; /* when it became LOGICAL; 0 = it did not */
	int64_t final;     /* when it became FINAL; 0 = it did not */
} pdb_kms_shred;

typedef struct pdb_kms_health {
	uint32_t size;
	uint32_t kek_version; /* the active one */
	uint32_t locked;      /* 1 when the provider's secrets are in locked memory */
	uint32_t refuses;     /* 1 while no key is touched, as the audit log cannot be written */
	uint64_t keys;        /* that are not destroyed */
	uint64_t outdated;    /* wrapped DEKs of these that are not under the active KEK version */
} pdb_kms_health;

/* Called for each; what it is given lives during the call. PDB_ESTOP ends the walk. */
typedef pdb_status (*pdb_kms_key_fn)(void *arg, const pdb_kms_key *key);
typedef pdb_status (*pdb_kms_kek_fn)(void *arg, const pdb_kms_kek *kek);
typedef void (*pdb_kms_text_fn)(void *arg, pdb_slice text);
/* One number to show; `name` is snake_case and constant. */
typedef void (*pdb_kms_stat_fn)(void *arg, const char *name, double value);

/* Capability bits. */
#define PDB_KMS_BLOCKING 0x1u /* every op may wait for a network: run on workers */

/* What open is given. All borrowed for the call, but `settings`, which lives until close, or until
 * a later reload has returned. */
typedef struct pdb_kms_params {
	uint32_t size;
	const struct pdb_host *host;
	/* absolute path for what the provider keeps itself; made by it (0700) when it needs one */
	const char *directory;
	const void *settings;    /* filled from the option table of the manifest */
	const char *database_id; /* of the server; "" for a tool */
} pdb_kms_params;

/*
 * The table. All ops are mandatory but stats (NULL = nothing to tell), hold, wrapped, restore and
 * reload.
 * Unless said: Threads: any, several at once. Ops that change something may wait for the disk, and
 * every op may wait when the table says PDB_KMS_BLOCKING; unwrap and describe do not otherwise.
 * Since: 1.1
 */
typedef struct pdb_kms_ops {
	uint32_t size;
	uint32_t capabilities;

	/* Opens or creates. Owns: *kms_out until close. Threads: main, once. */
	pdb_status (*open)(const pdb_kms_params *params, void **kms_out, pdb_err *err);
	/* Wipes and closes. *kms becomes NULL; NULL is accepted. Threads: main, once. */
	void (*close)(void **kms);

	/* A new key for `thread`, version 1, durable. */
	pdb_status (*create)(void *kms, pdb_slice thread, pdb_kms_key *key, pdb_err *err);
	/* `count` new keys without a thread, all or none. */
	pdb_status (*prepare)(void *kms, pdb_kms_key *keys, size_t count, pdb_err *err);
	/* Binds a prepared key. Again for the same thread: PDB_OK. PDB_EDENIED for another. */
	pdb_status (*claim)(void *kms, const char *id, pdb_slice thread, pdb_kms_key *key,
			    pdb_err *err);

	/* The DEK of that version, 0 = the newest. Errors: PDB_ENOTFOUND, with the code
	 * "key_destroyed" when the key was destroyed and not merely unknown. */
	pdb_status (*unwrap)(void *kms, const char *id, uint32_t version, pdb_kms_key *key,
			     pdb_err *err);
	/* Makes version `after` + 1, or hands it out when it is there already, so that a repeated
	 * call is safe. Errors: PDB_ESTALE when the newest version is another. */
	pdb_status (*add_version)(void *kms, const char *id, uint32_t after, pdb_kms_key *key,
				  pdb_err *err);
	/* As unwrap of the newest version, without the DEK; destroyed keys too. */
	pdb_status (*describe)(void *kms, const char *id, pdb_kms_key *key, pdb_err *err);
	/* Destroys all versions. Again: PDB_OK. */
	pdb_status (*destroy)(void *kms, const char *id, const char *actor, pdb_err *err);

	/* Activates the standby version, or a new one; the one before becomes decrypt-only. */
	pdb_status (*rotate_kek)(void *kms, const char *actor, uint32_t *version_out, pdb_err *err);
	/* Makes a standby version. Errors: PDB_EEXISTS when there is one. */
	pdb_status (*add_kek)(void *kms, const char *actor, uint32_t *version_out, pdb_err *err);
	/* Switches a version between PDB_KMS_KEK_DECRYPT_ONLY and PDB_KMS_KEK_DISABLED. */
	pdb_status (*set_kek)(void *kms, uint32_t version, uint32_t state, const char *actor,
			      pdb_err *err);
	/* Wraps one key (all its versions) under the active KEK version. */
	pdb_status (*rewrap_key)(void *kms, const char *id, pdb_err *err);
	/* The same for the next `limit` keys behind the cursor. */
	pdb_status (*rewrap)(void *kms, uint32_t limit, pdb_kms_progress *progress, pdb_err *err);
	/* Unwraps the next `limit` keys, to prove that they open. A pass that ends without a
	 * failure is remembered for retire. */
	pdb_status (*verify)(void *kms, uint32_t limit, pdb_kms_progress *progress, pdb_err *err);
	/* Destroys an old KEK version for ever. Errors: PDB_EBUSY while a key needs it, or without
	 * a good verify pass since it was replaced; PDB_EDENIED for the active one. */
	pdb_status (*retire)(void *kms, uint32_t version, const char *actor, pdb_err *err);

	pdb_status (*shred_status)(void *kms, const char *id, pdb_kms_shred *out, pdb_err *err);
	/* The signed receipt of an erasure, JSON; PDB_ENOTFOUND while the key lives. */
	pdb_status (*receipt)(void *kms, const char *id, pdb_kms_text_fn text, void *arg,
			      pdb_err *err);

	/* Keys in the order of their ids, behind `after` ("" = from the first); destroyed too. */
	pdb_status (*each)(void *kms, const char *after, pdb_kms_key_fn row, void *arg,
			   pdb_err *err);
	pdb_status (*keks)(void *kms, pdb_kms_kek_fn row, void *arg, pdb_err *err);
	pdb_status (*health)(void *kms, pdb_kms_health *out, pdb_err *err);
	void (*stats)(void *kms, pdb_kms_stat_fn stat, void *arg);
	/* Puts a key under a hold (`on`), or ends it; while it lasts, destroy is PDB_EDENIED with
	 * the code "legal_hold". NULL = the provider knows none. */
	pdb_status (*hold)(void *kms, const char *id, bool on, const char *actor, pdb_err *err);
	/* A version of a key (0 = the newest) as the provider stores it, wrapped by its KEK: opaque
	 * bytes, for restore. NULL = it has none to give. */
	pdb_status (*wrapped)(void *kms, const char *id, uint32_t version, pdb_kms_text_fn text,
			      void *arg, pdb_err *err);
	/*
	 * Puts such a version back, versions of a key in their order; *stored_out is false when it
	 * was there already. No call brings back what was destroyed: PDB_ENOTFOUND, code
	 * "key_destroyed". Errors: PDB_ECORRUPT when it does not open under a KEK version of this
	 * provider, PDB_EDENIED when the key is of another thread, PDB_EEXISTS when another one is
	 * there. NULL with `wrapped`.
	 */
	pdb_status (*restore)(void *kms, pdb_slice wrapped, const char *actor, bool *stored_out,
			      pdb_err *err);
	/* New settings, already judged, of which those that are marked as reloadable are taken
	 * over; files that they name are read anew. A failure keeps the old ones. NULL = nothing
	 * can change. Threads: any, never two at once, while other ops run. */
	pdb_status (*reload)(void *kms, const void *settings, pdb_err *err);
} pdb_kms_ops;

/*
 * The host's side: the provider that the configuration names, opened by the host before start().
 * Since: 1.1
 */
typedef struct pdb_host_kms {
	uint32_t size;
	/* Both borrowed for the life of the process. Errors: PDB_ENOTSUP when the configuration
	 * names no provider. Threads: any, from start() to stop(). */
	pdb_status (*provider)(const pdb_kms_ops **ops_out, void **kms_out, pdb_err *err);
	/* The id of the database, to which sealed bytes are bound; "" before start(). Lives until
	 * stop(). */
	const char *(*database_id)(void);
	/* Says whether the provider answers, for /readyz. At first it does. Threads: any. */
	void (*answers)(bool yes);
} pdb_host_kms;

#endif
