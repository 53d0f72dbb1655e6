/* SPDX-License-Identifier: Apache-2.0 */
/* The keys as they are configured: read, judged, and ready for the keyring. */
#ifndef PDB_AUTH_KEYS_H
#define PDB_AUTH_KEYS_H

#include <pdb/address.h>
#include <pdb/option.h>
#include <pdb/plugin.h>
#include <pdb/request.h>

#define KEY_MIN          8u  /* characters; shorter keys are refused */
#define KEY_COMFORT      16u /* shorter ones deserve a warning */
#define KEY_MAX          512u
#define KEY_ID_SIZE      33u /* with the NUL */
#define KEY_DIGEST_SIZE  32u
#define KEY_NETWORKS_MAX 16u
#define KEY_FOREVER      INT64_MAX

/* What the options say; borrowed. */
typedef struct key_settings {
	pdb_option_list frontend;
	pdb_option_list backend;
	pdb_option_list admin;
	pdb_option_list signing;
	const char *keys;         /* the tree security.keys as JSON */
	const char *signing_keys; /* the tree security.signing.keys */
	bool legacy;              /* bare signatures are taken */
	int64_t max_age;          /* nanoseconds that a signature may live; 0 = any */
} key_settings;

/* One key. Times are seconds since 1970. */
typedef struct key_spec {
	const char *option;   /* where it stands, for people */
	size_t place;         /* there, from 1 */
	pdb_role role;        /* PDB_ROLE_NONE: it only signs */
	char id[KEY_ID_SIZE]; /* the one given, or 8 hex digits of the digest */
	uint8_t digest[KEY_DIGEST_SIZE];
	char text[KEY_MAX + 1]; /* "" when only the digest is known */
	int64_t not_before;
	int64_t expires;
	size_t network_count; /* 0 = from everywhere */
	pdb_network networks[KEY_NETWORKS_MAX];
} key_spec;

/* In memory that is locked, and wiped by keys_free(). */
typedef struct key_specs {
	key_spec *list;
	size_t count;
} key_specs;

/*
 * Reads every key, from files too, and tells each problem; what is told never holds a key.
 * Returns false when there was a problem, or no memory (told too). `*out` is to be freed then, too.
 */
bool keys_read(key_specs *out, const key_settings *settings, pdb_problem_fn problem, void *arg);
void keys_free(key_specs *specs);

#endif
