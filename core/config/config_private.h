/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside this folder: nodes, layers, entries and the snapshot that holds them. */
#ifndef PDB_CONFIG_CONFIG_PRIVATE_H
#define PDB_CONFIG_CONFIG_PRIVATE_H

#include "config/config.h"

#define PDB_CONFIG_SIZE_MAX     (1024u * 1024u)
#define PDB_CONFIG_DEPTH_MAX    32u
#define PDB_CONFIG_VALUES_MAX   10000u
#define PDB_CONFIG_PROBLEMS_MAX 100u
#define PDB_CONFIG_ENVIRONMENT  "PROGRESSDB_"

/* -- nodes: what a file says, and where -------------------------------------------------------- */

typedef enum pdb_node_kind {
	PDB_NODE_SCALAR = 1,
	PDB_NODE_SEQUENCE,
	PDB_NODE_MAPPING
} pdb_node_kind;

/* Positions count from 1; 0 = none. Text has a NUL behind it and none inside. */
typedef struct pdb_node {
	pdb_node_kind kind;
	bool plain;      /* a scalar without quotes */
	const char *key; /* in a mapping; NULL elsewhere */
	const char *text;
	uint32_t key_line;
	uint32_t key_column;
	uint32_t line;
	uint32_t column;
	struct pdb_node *first;
	struct pdb_node *last;
	struct pdb_node *next;
} pdb_node;

/* True for a value left out: nothing, ~ or null, without quotes. */
bool pdb__node_is_null(const pdb_node *node);
/* The member `name`, `len` bytes, of a mapping; NULL when there is none. */
const pdb_node *pdb__node_member(const pdb_node *mapping, const char *name, size_t len);
/* The node at a dotted path; NULL when there is none. */
const pdb_node *pdb__node_at(const pdb_node *root, const char *path);

/* -- layers ------------------------------------------------------------------------------------ */

typedef enum pdb_layer_kind {
	PDB_LAYER_FILE = 0,
	PDB_LAYER_ENVIRONMENT = 1,
	PDB_LAYER_FLAG = 2
} pdb_layer_kind;

#define PDB_LAYER_KINDS 3

/* A file, or one variable, or one flag: the last two hold a single scalar. */
typedef struct pdb_layer {
	pdb_layer_kind kind;
	uint32_t number;  /* counts up within a kind */
	const char *name; /* for messages: the file, the variable, the spelling of the flag */
	const char *key;  /* of a flag, and of the parts of an address */
	pdb_node *root;   /* NULL when a file is empty or broken */
	struct pdb_layer *next;
} pdb_layer;

typedef struct pdb_place {
	const pdb_layer *layer; /* NULL: the default, or the whole configuration */
	uint32_t line;
	uint32_t column;
} pdb_place;

typedef struct pdb_found {
	const pdb_layer *layer;
	const pdb_node *node;
} pdb_found;

/* Adds an empty layer at the end of its kind; NULL without memory. Copies the texts. */
pdb_layer *pdb__layer_add(pdb_config *config, pdb_layer_kind kind, const char *name,
			  const char *key);

/* Finds the value that counts for an option; contradictions become problems of `report`, unless it
 * is NULL. */
bool pdb__layer_find(const pdb_config *config, const pdb_option *row, pdb_config *report,
		     pdb_found *out);

/* Writes the name of the variable of an option, with its prefix. */
void pdb__layer_variable(pdb_buf *out, const pdb_option *row);
/* True when the variable `name` (with its prefix) sets this option. */
bool pdb__layer_is_variable_of(const pdb_option *row, const char *name);

static inline pdb_place pdb__place_of(const pdb_layer *layer, const pdb_node *node)
{
	return (pdb_place){layer, node->line, node->column};
}

static inline pdb_place pdb__place_of_key(const pdb_layer *layer, const pdb_node *node)
{
	return (pdb_place){layer, node->key_line, node->key_column};
}

/* -- documents --------------------------------------------------------------------------------- */

/* Reads YAML into a tree of the snapshot. Mistakes become problems of the layer; *root_out is NULL
 * after a mistake that leaves nothing to read. Errors: PDB_ENOMEM. */
pdb_status pdb__document_read(pdb_config *config, const pdb_layer *layer, pdb_slice yaml,
			      pdb_node **root_out, pdb_err *err);

/* -- problems ---------------------------------------------------------------------------------- */

typedef struct pdb_finding {
	pdb_place place;
	bool warning;
	const char *text;
} pdb_finding;

/* Copies and escapes the text. */
void pdb__problem_add(pdb_config *config, pdb_place place, bool warning, const char *format, ...)
	PDB_PRINTF(4, 5);
/* Appends "file:line:column", a variable, a flag, or "configuration". */
void pdb__place_print(pdb_buf *out, pdb_place place);
/* True when no more findings are kept, so that nobody works for nothing. */
bool pdb__problem_full(const pdb_config *config);

/* -- values ------------------------------------------------------------------------------------ */

/* Judges a node by its row and writes the value at `slot`; a layer of NULL stands for the default.
 * Mistakes become problems and leave the slot as it was; those of a default are PDB_EABI. */
pdb_status pdb__value_read(pdb_config *config, const pdb_option *row, const pdb_layer *layer,
			   const pdb_node *node, void *slot, pdb_err *err);
/* Turns the spelling of a default into a node; *out is NULL without a default. */
pdb_status pdb__value_fallback(pdb_config *config, const pdb_option *row, pdb_node **out,
			       pdb_err *err);
/* The value in a slot as one line of YAML. */
void pdb__value_print(pdb_buf *out, const pdb_option *row, const void *slot);
/* True for an empty text, list or tree. */
bool pdb__value_empty(const pdb_option *row, const void *slot);
/* "a whole number from 1 to 256 (threads)". */
void pdb__value_expectation(pdb_buf *out, const pdb_option *row);
/* The default as a line of YAML. */
void pdb__value_print_fallback(pdb_buf *out, const pdb_option *row);
/* The bounds alone; nothing when there are none. */
void pdb__value_bounds(pdb_buf *out, const pdb_option *row);

/* true, yes, on, false, no, off, in either case. */
bool pdb__word_bool(const char *text, bool *out);
bool pdb__number_int(const char *text, int64_t *out);
bool pdb__number_size(const char *text, int64_t *out);
bool pdb__number_duration(const char *text, int64_t *out);
void pdb__number_print_size(pdb_buf *out, int64_t bytes);
void pdb__number_print_duration(pdb_buf *out, int64_t nanoseconds);

/* Appends the node as JSON text. */
void pdb__tree_write(pdb_buf *out, const pdb_node *node);

/* -- the snapshot ------------------------------------------------------------------------------ */

/* One option that a table brought. */
typedef struct pdb_entry {
	const char *owner;
	pdb_option row; /* a copy: the rows of a table may be shorter than this */
	const void *slot;
	pdb_place origin;
} pdb_entry;

struct pdb_config {
	struct pdb_config_block *blocks;
	pdb_layer *layers[PDB_LAYER_KINDS];
	pdb_entry *entries; /* sorted by key */
	size_t entry_count;
	size_t entry_room;
	pdb_finding findings[PDB_CONFIG_PROBLEMS_MAX];
	size_t finding_count;
	size_t problem_count; /* all, also those not kept */
	size_t left_out;
	bool broken; /* a file could not be read: what is missing may be there */
	bool failed; /* memory ran out where no status could say so */
};

/* Zeroed memory that lives as long as the snapshot and is wiped with it. */
void *pdb__config_alloc(pdb_config *config, size_t size);
const char *pdb__config_text(pdb_config *config, const char *text, size_t len);
void pdb__config_free_blocks(pdb_config *config);

/* The option with this key; NULL when no table has it. */
const pdb_entry *pdb__config_entry(const pdb_config *config, const char *key);
/* Orders dotted keys so that a section's keys stand together. */
int pdb__key_compare(const char *a, const char *b);

/* -- the tree of sections that the keys form ----------------------------------------------------
 */

typedef struct pdb_outline_ops {
	void (*open)(void *arg, const char *name, size_t len, unsigned depth);
	void (*close)(void *arg, unsigned depth);
	void (*leaf)(void *arg, const char *name, const pdb_entry *entry, unsigned depth);
} pdb_outline_ops;

/* Walks sections and options in order. */
void pdb__outline_walk(const pdb_config *config, const pdb_outline_ops *ops, void *arg);

/* -- other spellings ----------------------------------------------------------------------------
 */

typedef struct pdb_alias {
	const char *name;
	const char *key;
} pdb_alias;

/* Other places of keys in files, and other names of variables; both end with a NULL name. */
extern const pdb_alias pdb__dropin_keys[];
extern const pdb_alias pdb__dropin_variables[];

/* The member that stands for an element when the elements of this list may be mappings; or NULL. */
const char *pdb__dropin_element(const char *key);
/* True for a key that is accepted but read by nobody, and hence not worth describing. */
bool pdb__dropin_is_idle(const char *key);
/* "host:port" into its parts, which have room for strlen(text) + 8 bytes; false when it has no
 * port. No host means every address. */
bool pdb__dropin_address(const char *text, char *host, char *port);

#endif
