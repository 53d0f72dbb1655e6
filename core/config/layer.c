/* SPDX-License-Identifier: Apache-2.0 */
/* Layers: who says what, and whose word counts. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config_private.h"

/* -- adding ------------------------------------------------------------------------------------ */

static pdb_status no_memory(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the configuration");
}

pdb_layer *pdb__layer_add(pdb_config *config, pdb_layer_kind kind, const char *name,
			  const char *key)
{
	pdb_layer **end = &config->layers[kind];
	pdb_layer *layer = pdb__config_alloc(config, sizeof(*layer));
	uint32_t number = 0;

	if (layer == NULL) {
		return NULL;
	}
	while (*end != NULL) {
		number = (*end)->number + 1;
		end = &(*end)->next;
	}
	layer->kind = kind;
	layer->number = number;
	layer->name = pdb__config_text(config, name, strlen(name));
	layer->key = key != NULL ? pdb__config_text(config, key, strlen(key)) : NULL;
	if (layer->name == NULL || (key != NULL && layer->key == NULL)) {
		return NULL;
	}
	*end = layer;
	return layer;
}

pdb_status pdb_config_add_text(pdb_config *config, const char *name, pdb_slice yaml, pdb_err *err)
{
	pdb_layer *layer = pdb__layer_add(config, PDB_LAYER_FILE, name, NULL);
	pdb_status status;

	if (layer == NULL) {
		return no_memory(err);
	}
	status = pdb__document_read(config, layer, yaml, &layer->root, err);
	if (status == PDB_OK && layer->root != NULL && layer->root->kind != PDB_NODE_MAPPING) {
		if (!pdb__node_is_null(layer->root)) {
			pdb__problem_add(config, pdb__place_of(layer, layer->root), false,
					 "a configuration is made of \"key: value\" lines");
		}
		layer->root = NULL;
	}
	return status;
}

/* The whole file, or an errno in *error_out; EFBIG above the limit. */
static void read_descriptor(int fd, pdb_buf *out, int *error_out)
{
	ssize_t got = 1;

	while (got > 0 && out->len <= PDB_CONFIG_SIZE_MAX) {
		if (!pdb_buf_reserve(out, 65536)) {
			return;
		}
		got = read(fd, out->data + out->len, 65536);
		if (got < 0 && errno == EINTR) {
			got = 1;
			continue;
		}
		if (got < 0) {
			*error_out = errno;
			return;
		}
		out->len += (size_t)got;
	}
}

static void read_file(const char *path, pdb_buf *out, int *error_out)
{
	/* Not to wait for the other end of a pipe that somebody put there. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		*error_out = errno;
		return;
	}
	read_descriptor(fd, out, error_out);
	(void)close(fd);
}

static pdb_status add_unreadable(pdb_config *config, const char *path, int error, pdb_err *err)
{
	pdb_layer *layer = pdb__layer_add(config, PDB_LAYER_FILE, path, NULL);

	if (layer == NULL) {
		return no_memory(err);
	}
	config->broken = true;
	pdb__problem_add(config, (pdb_place){layer, 0, 0}, false, "the file cannot be read: %s",
			 strerror(error));
	return PDB_OK;
}

pdb_status pdb_config_add_file(pdb_config *config, const char *path, pdb_err *err)
{
	pdb_buf text = {0};
	int error = 0;
	pdb_status status;

	read_file(path, &text, &error);
	status = pdb_buf_status(&text, err);
	if (status == PDB_OK && error != 0) {
		status = add_unreadable(config, path, error, err);
	} else if (status == PDB_OK) {
		status = pdb_config_add_text(config, path, pdb_buf_slice(&text), err);
	}
	if (text.cap > 0) {
		explicit_bzero(text.data, text.cap);
	}
	pdb_buf_fini(&text);
	return status;
}

static pdb_status add_scalar(pdb_config *config, pdb_layer_kind kind, const char *name,
			     const char *key, const char *value, pdb_err *err)
{
	pdb_layer *layer = pdb__layer_add(config, kind, name, key);
	pdb_node *node = pdb__config_alloc(config, sizeof(*node));

	if (layer == NULL || node == NULL) {
		return no_memory(err);
	}
	node->kind = PDB_NODE_SCALAR;
	node->text = pdb__config_text(config, value, strlen(value));
	layer->root = node;
	return node->text != NULL ? PDB_OK : no_memory(err);
}

/* "host:port" sets two options, and must beat what a lower layer says of either. */
static pdb_status add_address(pdb_config *config, pdb_layer_kind kind, const char *name,
			      const char *value, bool *done, pdb_err *err)
{
	size_t room = strlen(value) + 8;
	char *host = pdb__config_alloc(config, room);
	char *port = pdb__config_alloc(config, room);
	pdb_status status = PDB_OK;

	if (host == NULL || port == NULL) {
		return no_memory(err);
	}
	*done = pdb__dropin_address(value, host, port);
	if (*done) {
		status = add_scalar(config, kind, name, "server.address", host, err);
	}
	if (*done && status == PDB_OK) {
		status = add_scalar(config, kind, name, "server.port", port, err);
	}
	return status;
}

static pdb_status add_value(pdb_config *config, pdb_layer_kind kind, const char *name,
			    const char *key, const char *value, pdb_err *err)
{
	bool done = false;
	pdb_status status = PDB_OK;

	if (key != NULL && strcmp(key, "server.address") == 0) {
		status = add_address(config, kind, name, value, &done, err);
	}
	if (status == PDB_OK && !done) {
		status = add_scalar(config, kind, name, kind == PDB_LAYER_FLAG ? key : NULL, value,
				    err);
	}
	return status;
}

static const char *alias_key(const pdb_alias *aliases, const char *name)
{
	for (const pdb_alias *alias = aliases; alias->name != NULL; alias++) {
		if (strcmp(alias->name, name) == 0) {
			return alias->key;
		}
	}
	return NULL;
}

static pdb_status add_variable(pdb_config *config, const char *line, pdb_err *err)
{
	const char *equals = strchr(line, '=');
	const char *name;
	const char *key;

	if (equals == NULL) {
		return PDB_OK;
	}
	name = pdb__config_text(config, line, (size_t)(equals - line));
	if (name == NULL) {
		return no_memory(err);
	}
	key = alias_key(pdb__dropin_variables, name + strlen(PDB_CONFIG_ENVIRONMENT));
	if (strcmp(name, PDB_CONFIG_ENVIRONMENT "SERVER_ADDRESS") == 0) {
		key = "server.address";
	}
	return add_value(config, PDB_LAYER_ENVIRONMENT, name, key, equals + 1, err);
}

pdb_status pdb_config_add_environment(pdb_config *config, char *const *environment, pdb_err *err)
{
	size_t len = strlen(PDB_CONFIG_ENVIRONMENT);
	pdb_status status = PDB_OK;

	for (; environment != NULL && *environment != NULL && status == PDB_OK; environment++) {
		if (strncmp(*environment, PDB_CONFIG_ENVIRONMENT, len) == 0) {
			status = add_variable(config, *environment, err);
		}
	}
	return status;
}

pdb_status pdb_config_add_flag(pdb_config *config, const char *flag, const char *key,
			       const char *value, pdb_err *err)
{
	return add_value(config, PDB_LAYER_FLAG, flag, key, value, err);
}

pdb_status pdb_config_add_given(pdb_config *config, const pdb_config *other, pdb_err *err)
{
	static const pdb_layer_kind kinds[] = {PDB_LAYER_ENVIRONMENT, PDB_LAYER_FLAG};
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const pdb_layer *layer = other->layers[kinds[i]];

		for (; layer != NULL && status == PDB_OK; layer = layer->next) {
			status = add_scalar(config, kinds[i], layer->name, layer->key,
					    layer->root->text, err);
		}
	}
	return status;
}

/* -- finding ----------------------------------------------------------------------------------- */

void pdb__layer_variable(pdb_buf *out, const pdb_option *row)
{
	pdb_buf_add_text(out, PDB_CONFIG_ENVIRONMENT);
	if (row->env != NULL) {
		pdb_buf_add_text(out, row->env);
		return;
	}
	for (const char *at = row->key; *at != '\0'; at++) {
		uint8_t byte = (uint8_t)(*at == '.' || *at == '-' ? '_' : *at);

		pdb_buf_add_byte(out, byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 32) : byte);
	}
}

static bool is_own_variable(const pdb_option *row, const char *name)
{
	pdb_buf variable = {0};
	bool same;

	pdb__layer_variable(&variable, row);
	same = !variable.failed && pdb_slice_is(pdb_buf_slice(&variable), name);
	pdb_buf_fini(&variable);
	return same;
}

bool pdb__layer_is_variable_of(const pdb_option *row, const char *name)
{
	const char *key = alias_key(pdb__dropin_variables, name + strlen(PDB_CONFIG_ENVIRONMENT));

	return (key != NULL && strcmp(key, row->key) == 0) || is_own_variable(row, name);
}

static bool counts(const pdb_option *row, const pdb_layer *layer, const pdb_node *node)
{
	bool text = row->type == PDB_OPTION_STRING || row->type == PDB_OPTION_PATH;

	if ((row->flags & PDB_OPTION_REQUIRED) != 0 && layer->kind != PDB_LAYER_ENVIRONMENT) {
		return true;
	}
	if (pdb__node_is_null(node)) {
		return false;
	}
	/* `period: ""` leaves a number out; an empty variable is one that is not set. */
	return node->kind != PDB_NODE_SCALAR || node->text[0] != '\0' ||
	       (text && layer->kind != PDB_LAYER_ENVIRONMENT);
}

static void tell_twice(pdb_config *config, const pdb_found *first, const pdb_found *again,
		       const char *key)
{
	pdb_buf place = {0};

	pdb__place_print(&place, pdb__place_of_key(first->layer, first->node));
	pdb__problem_add(config, pdb__place_of_key(again->layer, again->node), false,
			 "%s is given under two names; the other is at %.*s", key, (int)place.len,
			 place.len > 0 ? (const char *)place.data : "");
	pdb_buf_fini(&place);
}

static void find_in_file(const pdb_option *row, const pdb_layer *layer, pdb_config *report,
			 pdb_found *out)
{
	pdb_found own = {layer, pdb__node_at(layer->root, row->key)};

	if (own.node != NULL && !counts(row, layer, own.node)) {
		own.node = NULL;
	}
	for (const pdb_alias *alias = pdb__dropin_keys; alias->name != NULL; alias++) {
		pdb_found other = {layer, NULL};

		if (strcmp(alias->key, row->key) == 0) {
			other.node = pdb__node_at(layer->root, alias->name);
		}
		if (other.node == NULL || !counts(row, layer, other.node)) {
			continue;
		}
		if (own.node == NULL) {
			own = other;
		} else if (report != NULL) {
			tell_twice(report, &own, &other, row->key);
		}
	}
	if (own.node != NULL) {
		*out = own;
	}
}

static bool is_layer_of(const pdb_option *row, const pdb_layer *layer)
{
	if (layer->key != NULL) {
		return strcmp(layer->key, row->key) == 0;
	}
	return layer->kind == PDB_LAYER_ENVIRONMENT && pdb__layer_is_variable_of(row, layer->name);
}

static void find_variable(const pdb_config *config, const pdb_option *row, pdb_config *report,
			  pdb_found *out)
{
	pdb_found found = {NULL, NULL};

	for (const pdb_layer *layer = config->layers[PDB_LAYER_ENVIRONMENT]; layer != NULL;
	     layer = layer->next) {
		pdb_found other = {layer, layer->root};

		if (!is_layer_of(row, layer) || !counts(row, layer, layer->root)) {
			continue;
		}
		if (found.node != NULL && report != NULL &&
		    strcmp(found.node->text, other.node->text) != 0) {
			tell_twice(report, &found, &other, row->key);
		}
		found = other;
	}
	if (found.node != NULL) {
		*out = found;
	}
}

bool pdb__layer_find(const pdb_config *config, const pdb_option *row, pdb_config *report,
		     pdb_found *out)
{
	*out = (pdb_found){NULL, NULL};
	for (const pdb_layer *layer = config->layers[PDB_LAYER_FILE]; layer != NULL;
	     layer = layer->next) {
		find_in_file(row, layer, report, out);
	}
	find_variable(config, row, report, out);
	for (const pdb_layer *layer = config->layers[PDB_LAYER_FLAG]; layer != NULL;
	     layer = layer->next) {
		if (is_layer_of(row, layer)) {
			*out = (pdb_found){layer, layer->root};
		}
	}
	return out->node != NULL;
}
