/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the configured keys: plain lists, and the trees in which a key has a life of its own. */
#include "keys.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "secret.h"

static const char hashed_prefix[] = "sha256:";

typedef struct reading {
	key_specs *specs;
	size_t room;
	pdb_problem_fn problem;
	void *arg;
	bool good;
} reading;

static void tell(reading *r, const key_spec *spec, const char *text)
{
	char line[4600];

	(void)snprintf(line, sizeof(line), "key %zu: %s", spec->place, text);
	r->problem(r->arg, spec->option, line);
	r->good = false;
}

/* -- the key itself -----------------------------------------------------------------------------
 */

static const char *judge_plain(const char *text)
{
	size_t len = strlen(text);

	if (len < KEY_MIN) {
		return "a key has at least 8 characters";
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~') {
			return "a key has only visible ASCII characters";
		}
	}
	return NULL;
}

static bool digest_of_hex(uint8_t digest[KEY_DIGEST_SIZE], const char *hex)
{
	size_t written = 0;
	const char *end = NULL;
	size_t len = strlen(hex);

	return len == 2 * (size_t)KEY_DIGEST_SIZE &&
	       sodium_hex2bin(digest, KEY_DIGEST_SIZE, hex, len, NULL, &written, &end) == 0 &&
	       written == KEY_DIGEST_SIZE && end == hex + len;
}

/* NULL, or what is wrong with it. */
static const char *take_text(key_spec *spec, const char *spelled)
{
	const char *why = secret_read(spelled, spec->text, sizeof(spec->text));

	if (why != NULL) {
		return why;
	}
	if (strncmp(spec->text, hashed_prefix, sizeof(hashed_prefix) - 1) == 0) {
		if (!digest_of_hex(spec->digest, spec->text + sizeof(hashed_prefix) - 1)) {
			return "\"sha256:\" needs 64 hex digits behind it";
		}
		spec->text[0] = '\0';
		return spec->role == PDB_ROLE_NONE ? "a signing key cannot be a digest" : NULL;
	}
	why = judge_plain(spec->text);
	if (why == NULL) {
		(void)crypto_hash_sha256(spec->digest, (const unsigned char *)spec->text,
					 strlen(spec->text));
	}
	return why;
}

static void name_by_digest(key_spec *spec)
{
	char hex[2 * KEY_DIGEST_SIZE + 1];

	(void)sodium_bin2hex(hex, sizeof(hex), spec->digest, sizeof(spec->digest));
	(void)snprintf(spec->id, sizeof(spec->id), "%.8s", hex);
	sodium_memzero(hex, sizeof(hex));
}

static key_spec *add(reading *r, const char *option, size_t place, pdb_role role)
{
	key_spec *spec;

	if (r->specs->count == r->room) {
		return NULL;
	}
	spec = &r->specs->list[r->specs->count++];
	spec->option = option;
	spec->place = place;
	spec->role = role;
	spec->expires = KEY_FOREVER;
	return spec;
}

static void read_list(reading *r, const char *option, pdb_option_list list, pdb_role role)
{
	for (size_t i = 0; i < list.count; i++) {
		key_spec *spec = add(r, option, i + 1, role);
		const char *why = spec != NULL ? take_text(spec, list.items[i]) : NULL;

		if (why != NULL) {
			tell(r, spec, why);
			r->specs->count--;
		} else if (spec != NULL) {
			name_by_digest(spec);
		}
	}
}

/* -- trees --------------------------------------------------------------------------------------
 */

static const char *take_id(key_spec *spec, const json_t *value)
{
	const char *id = json_string_value(value);
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (id == NULL || id[0] == '\0' || strlen(id) >= KEY_ID_SIZE ||
	    strspn(id, allowed) != strlen(id)) {
		return "id is 1 to 32 letters, digits, '_' and '-'";
	}
	memcpy(spec->id, id, strlen(id) + 1);
	return NULL;
}

static const char *take_role(key_spec *spec, const json_t *value)
{
	const char *role = json_string_value(value);

	spec->role = PDB_ROLE_NONE;
	if (role != NULL && strcmp(role, "frontend") == 0) {
		spec->role = PDB_ROLE_FRONTEND;
	} else if (role != NULL && strcmp(role, "backend") == 0) {
		spec->role = PDB_ROLE_BACKEND;
	} else if (role != NULL && strcmp(role, "admin") == 0) {
		spec->role = PDB_ROLE_ADMIN;
	}
	return spec->role != PDB_ROLE_NONE ? NULL : "role is frontend, backend or admin";
}

/* "2027-01-31" and "2027-01-31T12:00:00Z", always UTC. */
static const char *take_time(int64_t *out, const json_t *value)
{
	const char *text = json_string_value(value);
	struct tm when = {0};
	const char *end = text != NULL ? strptime(text, "%Y-%m-%d", &when) : NULL;

	if (end != NULL && *end == 'T') {
		end = strptime(end, "T%H:%M:%SZ", &when);
	}
	if (end == NULL || *end != '\0') {
		return "a time is spelled 2027-01-31 or 2027-01-31T12:00:00Z";
	}
	*out = (int64_t)timegm(&when);
	return NULL;
}

static const char *take_networks(key_spec *spec, const json_t *value)
{
	size_t i;
	const json_t *item;

	if (!json_is_array(value) || json_array_size(value) == 0 ||
	    json_array_size(value) > KEY_NETWORKS_MAX) {
		return "addresses is a list of 1 to 16 networks like 192.0.2.0/24";
	}
	json_array_foreach(value, i, item)
	{
		if (!json_is_string(item) ||
		    !pdb_network_parse(&spec->networks[i], json_string_value(item))) {
			return "addresses has an item that is no network like 192.0.2.0/24";
		}
	}
	spec->network_count = json_array_size(value);
	return NULL;
}

/* One member of an entry; the key itself comes later, when the role is known. */
static const char *take_member(key_spec *spec, const char *name, const json_t *value, bool signs)
{
	if (strcmp(name, "id") == 0) {
		return take_id(spec, value);
	}
	if (strcmp(name, "key") == 0) {
		return json_is_string(value) ? NULL : "key is text";
	}
	if (strcmp(name, "not_before") == 0) {
		return take_time(&spec->not_before, value);
	}
	if (strcmp(name, "expires") == 0) {
		return take_time(&spec->expires, value);
	}
	if (!signs && strcmp(name, "role") == 0) {
		return take_role(spec, value);
	}
	if (!signs && strcmp(name, "addresses") == 0) {
		return take_networks(spec, value);
	}
	return signs ? "an entry has id, key, not_before and expires"
		     : "an entry has id, role, key, not_before, expires and addresses";
}

static void read_entry(reading *r, key_spec *spec, json_t *entry, bool signs)
{
	const char *name;
	json_t *value;
	const char *why;

	if (!json_is_object(entry)) {
		tell(r, spec, "an entry is a mapping");
		return;
	}
	json_object_foreach(entry, name, value)
	{
		why = take_member(spec, name, value, signs);
		if (why != NULL) {
			tell(r, spec, why);
			return;
		}
	}
	value = json_object_get(entry, "key");
	if (spec->id[0] == '\0' || value == NULL || (!signs && spec->role == PDB_ROLE_NONE)) {
		tell(r, spec,
		     signs ? "an entry needs id and key" : "an entry needs id, role and key");
		return;
	}
	why = take_text(spec, json_string_value(value));
	if (why == NULL && spec->not_before >= spec->expires) {
		why = "it expires before it begins";
	}
	if (why != NULL) {
		tell(r, spec, why);
	}
}

static void read_tree(reading *r, const char *option, json_t *tree, bool signs)
{
	size_t i;
	json_t *entry;

	if (tree == NULL) {
		return;
	}
	json_array_foreach(tree, i, entry)
	{
		key_spec *spec = add(r, option, i + 1, PDB_ROLE_NONE);

		if (spec != NULL) {
			read_entry(r, spec, entry, signs);
		}
	}
}

/* -- all together -------------------------------------------------------------------------------
 */

static bool same(const key_spec *a, const key_spec *b)
{
	return sodium_memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

/* A frontend key is public: whoever signs with it signs for everybody. */
static const char *judge_pair(const key_spec *a, const key_spec *b)
{
	bool signs = a->role == PDB_ROLE_NONE || b->role == PDB_ROLE_NONE;

	if (same(a, b) && a->role != b->role) {
		if (!signs) {
			return "a key stands in two lists";
		}
		return a->role == PDB_ROLE_FRONTEND || b->role == PDB_ROLE_FRONTEND
			       ? "a frontend key cannot sign"
			       : NULL;
	}
	return !same(a, b) && sodium_memcmp(a->id, b->id, sizeof(a->id)) == 0
		       ? "the id stands twice"
		       : NULL;
}

static void judge_all(reading *r)
{
	const key_specs *specs = r->specs;

	for (size_t i = 0; i < specs->count; i++) {
		for (size_t j = 0; j < i; j++) {
			const char *why = judge_pair(&specs->list[i], &specs->list[j]);

			if (why != NULL) {
				tell(r, &specs->list[i], why);
				break;
			}
		}
	}
}

/* NULL for an empty tree. */
static json_t *load_tree(reading *r, const char *option, const char *text)
{
	json_t *tree = NULL;

	if (text == NULL || text[0] == '\0') {
		return NULL;
	}
	tree = json_loads(text, JSON_DECODE_ANY, NULL);
	if (tree != NULL && json_is_array(tree)) {
		return tree;
	}
	if (!json_is_null(tree)) {
		r->problem(r->arg, option, "must be a list of entries");
		r->good = false;
	}
	json_decref(tree);
	return NULL;
}

bool keys_read(key_specs *out, const key_settings *s, pdb_problem_fn problem, void *arg)
{
	reading r = {.specs = out, .problem = problem, .arg = arg, .good = true};
	json_t *keys = load_tree(&r, "security.keys", s->keys);
	json_t *signing = load_tree(&r, "security.signing.keys", s->signing_keys);

	r.room = s->frontend.count + s->backend.count + s->admin.count + s->signing.count +
		 json_array_size(keys) + json_array_size(signing);
	*out = (key_specs){.list = sodium_allocarray(r.room + 1, sizeof(key_spec))};
	if (out->list == NULL) {
		problem(arg, "security", "no memory for the keys");
		r.good = false;
	} else {
		sodium_memzero(out->list, (r.room + 1) * sizeof(key_spec));
		read_list(&r, "security.signing_keys", s->signing, PDB_ROLE_NONE);
		read_tree(&r, "security.signing.keys", signing, true);
		read_list(&r, "security.api_keys.frontend", s->frontend, PDB_ROLE_FRONTEND);
		read_list(&r, "security.api_keys.backend", s->backend, PDB_ROLE_BACKEND);
		read_list(&r, "security.api_keys.admin", s->admin, PDB_ROLE_ADMIN);
		read_tree(&r, "security.keys", keys, false);
		if (r.good) {
			judge_all(&r);
		}
	}
	json_decref(keys);
	json_decref(signing);
	return r.good;
}

void keys_free(key_specs *specs)
{
	sodium_free(specs->list);
	*specs = (key_specs){0};
}
