/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot: tables in, settings out. */
#include "base/mem.h"
#include "config/config_private.h"

#define STRIDE_MIN (offsetof(pdb_option, help) + sizeof(const char *))

static pdb_status no_memory(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the configuration");
}

pdb_status pdb_config_create(pdb_config **out, pdb_err *err)
{
	*out = pdb_mem_zalloc(sizeof(**out));
	return *out != NULL ? PDB_OK : no_memory(err);
}

void pdb_config_destroy(pdb_config **config)
{
	if (config == NULL || *config == NULL) {
		return;
	}
	pdb__config_free_blocks(*config);
	pdb_mem_free((*config)->entries);
	pdb_mem_free(*config);
	*config = NULL;
}

/* -- entries ----------------------------------------------------------------------------------- */

/* A dot sorts before every other byte, so that nothing comes between the keys of a section. */
int pdb__key_compare(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b) {
		return 0;
	}
	if (*a == '\0' || *b == '\0') {
		return *a == '\0' ? -1 : 1;
	}
	if (*a == '.' || *b == '.') {
		return *a == '.' ? -1 : 1;
	}
	return (uint8_t)*a < (uint8_t)*b ? -1 : 1;
}

/* Where the key is, or where it belongs. */
static size_t entry_index(const pdb_config *config, const char *key)
{
	size_t low = 0;
	size_t high = config->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pdb__key_compare(config->entries[middle].row.key, key) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const pdb_entry *pdb__config_entry(const pdb_config *config, const char *key)
{
	size_t at = entry_index(config, key);

	if (at == config->entry_count || strcmp(config->entries[at].row.key, key) != 0) {
		return NULL;
	}
	return &config->entries[at];
}

static pdb_status make_room(pdb_config *config)
{
	size_t room = config->entry_room > 0 ? config->entry_room * 2 : 64;
	pdb_entry *entries;

	if (config->entry_count < config->entry_room) {
		return PDB_OK;
	}
	entries = pdb_mem_realloc(config->entries, room * sizeof(*entries));
	if (entries == NULL) {
		return PDB_ENOMEM;
	}
	config->entries = entries;
	config->entry_room = room;
	return PDB_OK;
}

static pdb_status add_entry(pdb_config *config, const pdb_entry *entry)
{
	const pdb_entry *other = pdb__config_entry(config, entry->row.key);
	size_t at;

	if (other != NULL) {
		pdb__problem_add(config, (pdb_place){0}, false,
				 "%s: both %s and %s have an option of this name", entry->row.key,
				 other->owner, entry->owner);
		return PDB_OK;
	}
	if (make_room(config) != PDB_OK) {
		return PDB_ENOMEM;
	}
	at = entry_index(config, entry->row.key);
	memmove(&config->entries[at + 1], &config->entries[at],
		(config->entry_count - at) * sizeof(*entry));
	config->entries[at] = *entry;
	config->entry_count++;
	return PDB_OK;
}

/* -- reading a table --------------------------------------------------------------------------- */

size_t pdb_option_slot_size(pdb_option_type type)
{
	switch (type) {
	case PDB_OPTION_BOOL:
		return sizeof(bool);
	case PDB_OPTION_INT:
	case PDB_OPTION_SIZE:
	case PDB_OPTION_DURATION:
	case PDB_OPTION_ENUM:
		return sizeof(int64_t);
	case PDB_OPTION_STRING:
	case PDB_OPTION_PATH:
	case PDB_OPTION_TREE:
		return sizeof(const char *);
	case PDB_OPTION_LIST:
		return sizeof(pdb_option_list);
	}
	return 0;
}

static pdb_status judge_table(const char *owner, const pdb_option_table *table, pdb_err *err)
{
	if (table->count == 0 || (table->rows != NULL && table->stride >= STRIDE_MIN &&
				  table->stride % _Alignof(pdb_option) == 0)) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EABI, NULL, "the option table of %s is malformed", owner);
}

static pdb_status judge_row(const char *owner, const pdb_option_table *table, const pdb_option *row,
			    pdb_err *err)
{
	size_t size = pdb_option_slot_size(row->type);
	bool good = row->key != NULL && row->key[0] != '\0' && size > 0 &&
		    size <= table->settings_size && row->offset <= table->settings_size - size &&
		    row->help != NULL && row->min <= row->max;

	if (good && row->type == PDB_OPTION_ENUM) {
		good = row->choices != NULL && row->choices[0] != NULL;
	}
	return good ? PDB_OK
		    : pdb_err_set(err, PDB_EABI, NULL, "the option %s of %s is malformed",
				  row->key != NULL ? row->key : "without a key", owner);
}

static pdb_status read_fallback(pdb_config *config, const pdb_option *row, void *slot, pdb_err *err)
{
	/* What is required has no default: an empty text is not an answer to judge. */
	pdb_option lenient = *row;
	pdb_node *node = NULL;
	pdb_status status;

	if (row->type == PDB_OPTION_STRING || row->type == PDB_OPTION_PATH ||
	    row->type == PDB_OPTION_TREE) {
		*(const char **)slot = "";
	}
	lenient.flags &= ~PDB_OPTION_REQUIRED;
	status = pdb__value_fallback(config, row, &node, err);
	if (status == PDB_OK && node != NULL) {
		status = pdb__value_read(config, &lenient, NULL, node, slot, err);
	}
	return status;
}

static pdb_status read_row(pdb_config *config, const char *owner, const pdb_option *row,
			   uint8_t *settings, pdb_err *err)
{
	void *slot = settings + row->offset;
	pdb_entry entry = {.owner = owner, .row = *row, .slot = slot};
	pdb_found found;
	pdb_status status = read_fallback(config, row, slot, err);

	if (status != PDB_OK) {
		return status;
	}
	if (pdb__layer_find(config, row, config, &found)) {
		entry.origin = pdb__place_of(found.layer, found.node);
		status = pdb__value_read(config, row, found.layer, found.node, slot, err);
	} else if ((row->flags & PDB_OPTION_REQUIRED) != 0 && pdb__value_empty(row, slot) &&
		   !config->broken) {
		pdb__problem_add(config, (pdb_place){0}, false,
				 "%s: must be given and not be empty", row->key);
	}
	if (status == PDB_OK && add_entry(config, &entry) != PDB_OK) {
		status = no_memory(err);
	}
	return status;
}

static void take_problem(void *arg, const char *key, const char *text)
{
	pdb_config_problem(arg, key, text);
}

pdb_status pdb_config_read(pdb_config *config, const char *owner, const pdb_option_table *table,
			   void (*check)(const void *, pdb_problem_fn, void *),
			   const void **settings_out, pdb_err *err)
{
	uint8_t *settings = pdb__config_alloc(config, table->settings_size + 1);
	const char *name = pdb__config_text(config, owner, strlen(owner));
	pdb_status status = judge_table(owner, table, err);

	*settings_out = NULL;
	if (settings == NULL || name == NULL) {
		return no_memory(err);
	}
	for (size_t i = 0; i < table->count && status == PDB_OK; i++) {
		const uint8_t *at = (const uint8_t *)table->rows + i * table->stride;
		pdb_option row = {0};

		memcpy(&row, at, table->stride < sizeof(row) ? table->stride : sizeof(row));
		status = judge_row(owner, table, &row, err);
		if (status == PDB_OK) {
			status = read_row(config, name, &row, settings, err);
		}
	}
	if (status != PDB_OK) {
		return status;
	}
	if (check != NULL) {
		check(settings, take_problem, config);
	}
	*settings_out = settings;
	return PDB_OK;
}

bool pdb_config_given(const pdb_config *config, const char *key)
{
	const pdb_entry *entry = pdb__config_entry(config, key);
	/* Of a key whose table is not read yet, only the common spellings are known. */
	pdb_option row = {.key = key, .type = PDB_OPTION_LIST};
	pdb_found found;

	return pdb__layer_find(config, entry != NULL ? &entry->row : &row, NULL, &found);
}
