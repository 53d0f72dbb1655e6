/* SPDX-License-Identifier: Apache-2.0 */
/* What no table has asked for: unknown keys, variables and flags, each with the nearest known one.
 */
#include "base/mem.h"
#include "base/text.h"
#include "config/config_private.h"

/* All names that count, of one kind. */
typedef struct name_list {
	const char **items;
	size_t count;
	size_t room;
} name_list;

static bool names_add(name_list *names, const char *name)
{
	if (name == NULL) {
		return false;
	}
	if (names->count == names->room) {
		size_t room = names->room > 0 ? names->room * 2 : 128;
		const char **items = pdb_mem_realloc(names->items, room * sizeof(*items));

		if (items == NULL) {
			return false;
		}
		names->items = items;
		names->room = room;
	}
	names->items[names->count++] = name;
	return true;
}

static bool names_have(const name_list *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/* The sections a key lies in: "a" and "a.b" for "a.b.c". */
static bool add_sections(pdb_config *config, name_list *sections, const char *key)
{
	for (const char *dot = strchr(key, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		const char *section = pdb__config_text(config, key, (size_t)(dot - key));

		if (section == NULL) {
			return false;
		}
		if (!names_have(sections, section) && !names_add(sections, section)) {
			return false;
		}
	}
	return true;
}

typedef struct key_search {
	pdb_config *config;
	const pdb_layer *layer;
	name_list keys;     /* canonical ones */
	name_list aliases;  /* other spellings of them */
	name_list sections; /* of both */
	pdb_buf path;
} key_search;

static bool collect(key_search *search)
{
	pdb_config *config = search->config;
	bool good = true;

	for (size_t i = 0; i < config->entry_count && good; i++) {
		const char *key = config->entries[i].row.key;

		good = names_add(&search->keys, key) &&
		       add_sections(config, &search->sections, key);
	}
	for (const pdb_alias *alias = pdb__dropin_keys; alias->name != NULL && good; alias++) {
		if (pdb__config_entry(config, alias->key) != NULL) {
			good = names_add(&search->aliases, alias->name) &&
			       add_sections(config, &search->sections, alias->name);
		}
	}
	return good;
}

static void search_fini(key_search *search)
{
	pdb_mem_free(search->keys.items);
	pdb_mem_free(search->aliases.items);
	pdb_mem_free(search->sections.items);
	pdb_buf_fini(&search->path);
}

/* The nearest key or section, or a key that ends in this very word. */
static const char *nearest(const key_search *search, const char *path)
{
	const char *dot = strrchr(path, '.');
	const char *last = dot != NULL ? dot + 1 : path;
	const char *found = pdb_text_nearest(path, search->keys.items, search->keys.count);

	if (found == NULL) {
		found = pdb_text_nearest(path, search->sections.items, search->sections.count);
	}
	for (size_t i = 0; i < search->keys.count && found == NULL; i++) {
		const char *end = strrchr(search->keys.items[i], '.');

		if (end != NULL && strcmp(end + 1, last) == 0) {
			found = search->keys.items[i];
		}
	}
	return found != NULL && strcmp(found, path) != 0 ? found : NULL;
}

static void tell_unknown(key_search *search, pdb_place place, const char *what, const char *name,
			 const char *near)
{
	pdb__problem_add(search->config, place, false, "unknown %s \"%s\"%s%s%s", what, name,
			 near != NULL ? " (did you mean " : "", near != NULL ? near : "",
			 near != NULL ? "?)" : "");
}

static void tell_unknown_key(key_search *search, const pdb_node *node, const char *path)
{
	pdb_place place = pdb__place_of_key(search->layer, node);

	if (pdb__problem_full(search->config)) {
		pdb__problem_add(search->config, place, false, "unknown key");
	} else if (strchr(node->key, '.') != NULL && names_have(&search->keys, path)) {
		pdb__problem_add(search->config, place, false,
				 "\"%s\" is one word here: write each part of the key on a line of "
				 "its own, indented below the one before",
				 node->key);
	} else {
		tell_unknown(search, place, "key", path, nearest(search, path));
	}
}

static void walk(key_search *search, const pdb_node *mapping);

static void judge(key_search *search, const pdb_node *node)
{
	const char *path = (const char *)search->path.data;
	bool dotted = strchr(node->key, '.') != NULL;

	if (!dotted && (names_have(&search->keys, path) || names_have(&search->aliases, path))) {
		return;
	}
	if (dotted || !names_have(&search->sections, path)) {
		tell_unknown_key(search, node, path);
	} else if (node->kind == PDB_NODE_MAPPING) {
		walk(search, node);
	} else if (!pdb__node_is_null(node)) {
		pdb__problem_add(search->config, pdb__place_of(search->layer, node), false,
				 "%s: expected a section, not a %s", path,
				 node->kind == PDB_NODE_SEQUENCE ? "list" : "single value");
	}
}

/* As deep as the document at most. The path keeps its NUL one byte behind its length. */
static void walk(key_search *search, const pdb_node *mapping)
{
	size_t len = search->path.len;

	for (const pdb_node *node = mapping->first; node != NULL; node = node->next) {
		search->path.len = len;
		if (len > 0) {
			pdb_buf_add_byte(&search->path, '.');
		}
		pdb_buf_add_text(&search->path, node->key);
		pdb_buf_add_byte(&search->path, '\0');
		if (search->path.failed) {
			return;
		}
		search->path.len--;
		judge(search, node);
	}
	search->path.len = len;
}

static void judge_files(key_search *search)
{
	const pdb_layer *layer = search->config->layers[PDB_LAYER_FILE];

	for (; layer != NULL; layer = layer->next) {
		if (layer->root != NULL) {
			search->layer = layer;
			walk(search, layer->root);
		}
	}
}

static void judge_flags(key_search *search)
{
	const pdb_layer *layer = search->config->layers[PDB_LAYER_FLAG];

	for (; layer != NULL; layer = layer->next) {
		if (!names_have(&search->keys, layer->key)) {
			tell_unknown(search, (pdb_place){layer, 0, 0}, "option", layer->key,
				     nearest(search, layer->key));
		}
	}
}

/* -- variables --------------------------------------------------------------------------------- */

static bool add_variable(pdb_config *config, name_list *variables, const pdb_option *row)
{
	pdb_buf name = {0};
	bool good;

	pdb__layer_variable(&name, row);
	good = !name.failed &&
	       names_add(variables, pdb__config_text(config, (const char *)name.data, name.len));
	pdb_buf_fini(&name);
	return good;
}

static bool collect_variables(pdb_config *config, name_list *variables)
{
	bool good = true;

	for (size_t i = 0; i < config->entry_count && good; i++) {
		good = add_variable(config, variables, &config->entries[i].row);
	}
	for (const pdb_alias *alias = pdb__dropin_variables; alias->name != NULL && good; alias++) {
		pdb_option row = {.key = alias->key, .env = alias->name};

		if (alias->key[0] == '\0' || pdb__config_entry(config, alias->key) != NULL) {
			good = add_variable(config, variables, &row);
		}
	}
	return good;
}

static bool judge_variables(key_search *search)
{
	name_list variables = {0};
	bool good = collect_variables(search->config, &variables);

	for (const pdb_layer *layer = search->config->layers[PDB_LAYER_ENVIRONMENT];
	     layer != NULL && good; layer = layer->next) {
		if (!names_have(&variables, layer->name)) {
			tell_unknown(
				search, (pdb_place){layer, 0, 0}, "variable", layer->name,
				pdb_text_nearest(layer->name, variables.items, variables.count));
		}
	}
	pdb_mem_free(variables.items);
	return good;
}

pdb_status pdb_config_finish(pdb_config *config, pdb_err *err)
{
	key_search search = {.config = config};
	bool good = collect(&search);

	if (good) {
		judge_files(&search);
		judge_flags(&search);
		good = judge_variables(&search) && !search.path.failed;
	}
	search_fini(&search);
	if (!good || config->failed) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory to judge the configuration");
	}
	return PDB_OK;
}
