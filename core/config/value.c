/* SPDX-License-Identifier: Apache-2.0 */
/* Values: one reader per type of option. */
#include "base/text.h"
#include "config/config_private.h"

typedef struct value_reading {
	pdb_config *config;
	const pdb_option *row;
	const pdb_layer *layer; /* NULL: the default of the row */
	bool refused;
} value_reading;

static const char *shown(const value_reading *reading, const pdb_node *node)
{
	return (reading->row->flags & PDB_OPTION_SECRET) != 0 ? NULL : node->text;
}

/* "key: <text>", at a node. A default is the mistake of who wrote the table, told elsewhere. */
PDB_PRINTF(3, 4)
static void refuse(value_reading *reading, const pdb_node *node, const char *format, ...)
{
	char text[800];
	va_list args;

	reading->refused = true;
	if (reading->layer == NULL) {
		return;
	}
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pdb__problem_add(reading->config, pdb__place_of(reading->layer, node), false, "%s: %s",
			 reading->row->key, text);
}

/* What was expected, and what is there; the text of a secret stays unsaid. */
static void refuse_value(value_reading *reading, const pdb_node *node, const char *nearest)
{
	const char *text = node->kind == PDB_NODE_SCALAR ? shown(reading, node) : NULL;
	const char *near = nearest != NULL && text != NULL ? nearest : NULL;
	pdb_buf wanted = {0};

	pdb__value_expectation(&wanted, reading->row);
	pdb_buf_add_byte(&wanted, '\0');
	refuse(reading, node, "expected %.400s, not %s%.64s%s%s%s%s",
	       wanted.failed ? "something else" : (const char *)wanted.data,
	       text != NULL ? "\"" : "this value", text != NULL ? text : "",
	       text != NULL ? "\"" : "", near != NULL ? " (did you mean " : "",
	       near != NULL ? near : "", near != NULL ? "?)" : "");
	pdb_buf_fini(&wanted);
}

/* Out of bounds: each kind of value has bounds of its own, but they read alike. */
static bool within(const pdb_option *row, int64_t number)
{
	return (row->min == 0 && row->max == 0) || (number >= row->min && number <= row->max);
}

static bool judge_scalar(value_reading *reading, const pdb_node *node)
{
	pdb_buf wanted = {0};

	if (node->kind == PDB_NODE_SCALAR) {
		return true;
	}
	pdb__value_expectation(&wanted, reading->row);
	pdb_buf_add_byte(&wanted, '\0');
	refuse(reading, node, "expected %s, not a %s",
	       wanted.failed ? "something else" : (const char *)wanted.data,
	       node->kind == PDB_NODE_MAPPING ? "section" : "list");
	pdb_buf_fini(&wanted);
	return false;
}

static const char *const bool_words[] = {"true", "yes", "on", "false", "no", "off"};

bool pdb__word_bool(const char *text, bool *out)
{
	for (size_t i = 0; i < 6; i++) {
		if (pdb_text_equal_nocase(pdb_slice_text(text), pdb_slice_text(bool_words[i]))) {
			*out = i < 3;
			return true;
		}
	}
	return false;
}

static void read_bool(value_reading *reading, const pdb_node *node, bool *slot)
{
	if (!pdb__word_bool(node->text, slot)) {
		refuse_value(reading, node, pdb_text_nearest(node->text, bool_words, 6));
	}
}

static void read_number(value_reading *reading, const pdb_node *node, int64_t *slot)
{
	const pdb_option *row = reading->row;
	int64_t number = 0;
	bool good;

	if (row->type == PDB_OPTION_SIZE) {
		good = pdb__number_size(node->text, &number);
	} else if (row->type == PDB_OPTION_DURATION) {
		good = pdb__number_duration(node->text, &number);
	} else {
		good = pdb__number_int(node->text, &number);
	}
	if (!good || !within(row, number)) {
		refuse_value(reading, node, NULL);
		return;
	}
	*slot = number;
}

static void read_enum(value_reading *reading, const pdb_node *node, int64_t *slot)
{
	const char *const *choices = reading->row->choices;
	size_t count = 0;

	for (; choices[count] != NULL; count++) {
		if (pdb_text_equal_nocase(pdb_slice_text(node->text),
					  pdb_slice_text(choices[count]))) {
			*slot = (int64_t)count;
			return;
		}
	}
	refuse_value(reading, node, pdb_text_nearest(node->text, choices, count));
}

static pdb_status keep(value_reading *reading, pdb_slice text, const char **slot)
{
	const char *copy = pdb__config_text(reading->config, (const char *)text.ptr, text.len);

	if (copy == NULL) {
		return PDB_ENOMEM;
	}
	*slot = copy;
	return PDB_OK;
}

static bool judge_text(value_reading *reading, const pdb_node *node, pdb_slice text)
{
	if (!pdb_utf8_valid(text)) {
		refuse(reading, node, "the value is not UTF-8 text");
		return false;
	}
	return true;
}

static pdb_status read_text(value_reading *reading, const pdb_node *node, const char **slot)
{
	pdb_slice text = pdb_slice_text(pdb__node_is_null(node) ? "" : node->text);

	if ((reading->row->flags & PDB_OPTION_REQUIRED) != 0 && text.len == 0) {
		refuse(reading, node, "must be given and not be empty");
		return PDB_OK;
	}
	if (!judge_text(reading, node, text)) {
		return PDB_OK;
	}
	if (!within(reading->row, (int64_t)text.len)) {
		refuse_value(reading, node, NULL);
		return PDB_OK;
	}
	return keep(reading, text, slot);
}

/* -- lists ------------------------------------------------------------------------------------- */

static pdb_status make_list(value_reading *reading, const pdb_node *at, const char *const *items,
			    size_t count, pdb_option_list *slot)
{
	if ((reading->row->flags & PDB_OPTION_REQUIRED) != 0 && count == 0) {
		refuse(reading, at, "must be given and not be empty");
	} else if (!within(reading->row, (int64_t)count)) {
		pdb_buf wanted = {0};

		pdb__value_expectation(&wanted, reading->row);
		pdb_buf_add_byte(&wanted, '\0');
		refuse(reading, at, "expected %s, not %zu",
		       wanted.failed ? "another number" : (const char *)wanted.data, count);
		pdb_buf_fini(&wanted);
	}
	if (!reading->refused) {
		*slot = (pdb_option_list){items, count};
	}
	return PDB_OK;
}

/* "a, b" of a variable or a flag; empty parts are left out. */
static pdb_status read_commas(value_reading *reading, const pdb_node *node, pdb_option_list *slot)
{
	pdb_slice rest = pdb_slice_text(node->text);
	const char **items;
	size_t count = 0;

	if (!judge_text(reading, node, rest)) {
		return PDB_OK;
	}
	items = pdb__config_alloc(reading->config, (rest.len / 2 + 1) * sizeof(*items));
	if (items == NULL) {
		return PDB_ENOMEM;
	}
	while (rest.len > 0) {
		const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma != NULL ? (size_t)(comma - rest.ptr) : rest.len;
		pdb_slice part = pdb_slice_trim(pdb_slice_of(rest.ptr, len));

		if (part.len > 0 && keep(reading, part, &items[count++]) != PDB_OK) {
			return PDB_ENOMEM;
		}
		rest = pdb_slice_skip(rest, len + 1);
	}
	return make_list(reading, node, items, count, slot);
}

/* `{path: body.x, algorithm: …}` where some lists have mappings instead of words. */
static const pdb_node *element_of(const value_reading *reading, const pdb_node *node)
{
	const char *member = pdb__dropin_element(reading->row->key);

	if (node->kind == PDB_NODE_MAPPING && member != NULL) {
		return pdb__node_member(node, member, strlen(member));
	}
	return node;
}

static const char *read_element(value_reading *reading, const pdb_node *node)
{
	const pdb_node *value = element_of(reading, node);

	if (value == NULL) {
		refuse(reading, node, "an element of this list has no \"%s\"",
		       pdb__dropin_element(reading->row->key));
	} else if (value->kind != PDB_NODE_SCALAR) {
		refuse(reading, value, "an element of this list must be a word, not a %s",
		       value->kind == PDB_NODE_MAPPING ? "section" : "list");
	} else if (pdb__node_is_null(value)) {
		refuse(reading, value, "an element of this list is empty");
	} else {
		return value->text;
	}
	return "";
}

static pdb_status read_list(value_reading *reading, const pdb_node *node, pdb_option_list *slot)
{
	const char **items;
	size_t count = 0;

	if (pdb__node_is_null(node)) {
		return make_list(reading, node, NULL, 0, slot);
	}
	if (node->kind != PDB_NODE_SEQUENCE) {
		refuse(reading, node, "expected a list such as [a, b], not a %s",
		       node->kind == PDB_NODE_MAPPING ? "section" : "single value");
		return PDB_OK;
	}
	for (const pdb_node *child = node->first; child != NULL; child = child->next) {
		count++;
	}
	items = pdb__config_alloc(reading->config, (count + 1) * sizeof(*items));
	if (items == NULL) {
		return PDB_ENOMEM;
	}
	count = 0;
	for (const pdb_node *child = node->first; child != NULL; child = child->next) {
		items[count++] = read_element(reading, child);
	}
	return make_list(reading, node, items, count, slot);
}

/* -- trees ------------------------------------------------------------------------------------- */

static pdb_status read_tree(value_reading *reading, const pdb_node *node, const char **slot)
{
	pdb_node *root = NULL;
	pdb_buf text = {0};
	pdb_status status = PDB_OK;

	if (reading->layer != NULL && reading->layer->kind != PDB_LAYER_FILE) {
		status = pdb__document_read(reading->config, reading->layer,
					    pdb_slice_text(node->text), &root, NULL);
		node = root;
	}
	if (node != NULL && status == PDB_OK) {
		pdb__tree_write(&text, node);
		status = text.failed ? PDB_ENOMEM : keep(reading, pdb_buf_slice(&text), slot);
	}
	pdb_buf_fini(&text);
	return status;
}

static bool is_text_layer(const pdb_layer *layer)
{
	return layer != NULL && layer->kind != PDB_LAYER_FILE;
}

static pdb_status read_any(value_reading *reading, const pdb_node *node, void *slot)
{
	pdb_option_type type = reading->row->type;

	if (type == PDB_OPTION_TREE) {
		return read_tree(reading, node, slot);
	}
	if (type == PDB_OPTION_LIST) {
		return is_text_layer(reading->layer) ? read_commas(reading, node, slot)
						     : read_list(reading, node, slot);
	}
	if (!judge_scalar(reading, node)) {
		return PDB_OK;
	}
	if (type == PDB_OPTION_STRING || type == PDB_OPTION_PATH) {
		return read_text(reading, node, slot);
	}
	if (type == PDB_OPTION_BOOL) {
		read_bool(reading, node, slot);
	} else if (type == PDB_OPTION_ENUM) {
		read_enum(reading, node, slot);
	} else {
		read_number(reading, node, slot);
	}
	return PDB_OK;
}

pdb_status pdb__value_read(pdb_config *config, const pdb_option *row, const pdb_layer *layer,
			   const pdb_node *node, void *slot, pdb_err *err)
{
	value_reading reading = {.config = config, .row = row, .layer = layer};

	if (read_any(&reading, node, slot) != PDB_OK) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the configuration");
	}
	if (layer == NULL && reading.refused) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the default of the option %s does not fit its own row",
				   row->key);
	}
	return PDB_OK;
}

pdb_status pdb__value_fallback(pdb_config *config, const pdb_option *row, pdb_node **out,
			       pdb_err *err)
{
	size_t problems = config->problem_count;
	pdb_status status = PDB_OK;

	*out = NULL;
	if (row->fallback == NULL || row->fallback[0] == '\0') {
		return PDB_OK;
	}
	if (row->type == PDB_OPTION_LIST || row->type == PDB_OPTION_TREE) {
		status = pdb__document_read(config, NULL, pdb_slice_text(row->fallback), out, err);
	} else {
		*out = pdb__config_alloc(config, sizeof(**out));
		if (*out == NULL) {
			return pdb_err_set(err, PDB_ENOMEM, NULL,
					   "no memory for the configuration");
		}
		(*out)->kind = PDB_NODE_SCALAR;
		(*out)->text = row->fallback;
	}
	if (status == PDB_OK && config->problem_count > problems) {
		status = pdb_err_set(err, PDB_EABI, NULL, "the default of the option %s is broken",
				     row->key);
	}
	return status;
}
