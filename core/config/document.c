/* SPDX-License-Identifier: Apache-2.0 */
/* YAML into nodes with positions. */
#include <yaml.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/config_private.h"

/*
 * libyaml's events rather than its documents: those expand aliases, and say nothing of duplicate
 * keys. Whatever could make a small file mean something large or something else is refused here.
 */
typedef struct document_reader {
	pdb_config *config;
	const pdb_layer *layer;
	yaml_parser_t parser;
	pdb_node *open[PDB_CONFIG_DEPTH_MAX];
	unsigned depth;
	unsigned values;
	unsigned documents;
	pdb_node *root;
	const char *key; /* the key whose value comes next */
	yaml_mark_t key_mark;
	bool halted; /* nothing after this can be made sense of */
} document_reader;

static pdb_place place_of(const document_reader *reader, yaml_mark_t mark)
{
	return (pdb_place){reader->layer, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static void halt(document_reader *reader, yaml_mark_t mark, const char *text)
{
	pdb__problem_add(reader->config, place_of(reader, mark), false, "%s", text);
	reader->halted = true;
}

static void complain(document_reader *reader, yaml_mark_t mark, const char *text)
{
	pdb__problem_add(reader->config, place_of(reader, mark), false, "%s", text);
}

/* Text of a scalar in the snapshot's memory; NULL without memory. */
static const char *copy_scalar(document_reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (memchr(text, '\0', len) != NULL) {
		complain(reader, event->start_mark, "a value may not hold a NUL character");
		len = strlen(text);
	}
	return pdb__config_text(reader->config, text, len);
}

static void judge_duplicate(document_reader *reader, const pdb_node *mapping, const char *key,
			    yaml_mark_t mark)
{
	const pdb_node *first = pdb__node_member(mapping, key, strlen(key));

	if (first != NULL) {
		pdb__problem_add(reader->config, place_of(reader, mark), false,
				 "the key \"%s\" is given twice; first on line %u", key,
				 (unsigned)first->key_line);
	}
}

/* A scalar in the place of a key. */
static pdb_status take_key(document_reader *reader, const yaml_event_t *event)
{
	const pdb_node *mapping = reader->open[reader->depth - 1];

	reader->key = copy_scalar(reader, event);
	reader->key_mark = event->start_mark;
	if (reader->key == NULL) {
		return PDB_ENOMEM;
	}
	judge_duplicate(reader, mapping, reader->key, event->start_mark);
	return PDB_OK;
}

static bool wants_key(const document_reader *reader)
{
	return reader->depth > 0 && reader->key == NULL &&
	       reader->open[reader->depth - 1]->kind == PDB_NODE_MAPPING;
}

/* Hangs a node where it belongs. */
static void attach(document_reader *reader, pdb_node *node)
{
	pdb_node *parent = reader->depth > 0 ? reader->open[reader->depth - 1] : NULL;

	if (parent == NULL) {
		reader->root = node;
		return;
	}
	node->key = reader->key;
	if (reader->key != NULL) {
		node->key_line = (uint32_t)reader->key_mark.line + 1;
		node->key_column = (uint32_t)reader->key_mark.column + 1;
		reader->key = NULL;
	}
	if (parent->last != NULL) {
		parent->last->next = node;
	} else {
		parent->first = node;
	}
	parent->last = node;
}

static pdb_status add_node(document_reader *reader, pdb_node_kind kind, const yaml_event_t *event,
			   pdb_node **out)
{
	pdb_node *node;

	if (++reader->values > PDB_CONFIG_VALUES_MAX) {
		halt(reader, event->start_mark, "there are more than 10,000 values in this file");
		return PDB_OK;
	}
	node = pdb__config_alloc(reader->config, sizeof(*node));
	if (node == NULL) {
		return PDB_ENOMEM;
	}
	node->kind = kind;
	node->line = (uint32_t)event->start_mark.line + 1;
	node->column = (uint32_t)event->start_mark.column + 1;
	attach(reader, node);
	*out = node;
	return PDB_OK;
}

static pdb_status take_scalar(document_reader *reader, const yaml_event_t *event)
{
	pdb_node *node = NULL;
	pdb_status status;

	if (event->data.scalar.anchor != NULL) {
		complain(reader, event->start_mark, "anchors are not accepted");
	}
	if (event->data.scalar.tag != NULL) {
		complain(reader, event->start_mark, "tags are not accepted");
	}
	if (wants_key(reader)) {
		return take_key(reader, event);
	}
	status = add_node(reader, PDB_NODE_SCALAR, event, &node);
	if (status != PDB_OK || node == NULL) {
		return status;
	}
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = copy_scalar(reader, event);
	return node->text != NULL ? PDB_OK : PDB_ENOMEM;
}

static pdb_status take_start(document_reader *reader, pdb_node_kind kind, const yaml_event_t *event,
			     bool anchor, bool tag)
{
	pdb_node *node = NULL;
	pdb_status status;

	if (anchor) {
		complain(reader, event->start_mark, "anchors are not accepted");
	}
	if (tag) {
		complain(reader, event->start_mark, "tags are not accepted");
	}
	if (wants_key(reader)) {
		halt(reader, event->start_mark, "a key must be a plain word");
		return PDB_OK;
	}
	if (reader->depth == PDB_CONFIG_DEPTH_MAX) {
		halt(reader, event->start_mark, "the nesting is deeper than 32 levels");
		return PDB_OK;
	}
	status = add_node(reader, kind, event, &node);
	if (status == PDB_OK && node != NULL) {
		reader->open[reader->depth++] = node;
	}
	return status;
}

/* An alias leaves an empty value behind, so that the rest can still be judged. */
static pdb_status take_alias(document_reader *reader, const yaml_event_t *event)
{
	pdb_node *node = NULL;
	pdb_status status;

	complain(reader, event->start_mark, "aliases are not accepted");
	if (wants_key(reader)) {
		reader->halted = true;
		return PDB_OK;
	}
	status = add_node(reader, PDB_NODE_SCALAR, event, &node);
	if (node != NULL) {
		node->plain = true;
		node->text = "";
	}
	return status;
}

static pdb_status take(document_reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++reader->documents > 1) {
			halt(reader, event->start_mark, "a second document begins here");
		}
		return PDB_OK;
	case YAML_SCALAR_EVENT:
		return take_scalar(reader, event);
	case YAML_ALIAS_EVENT:
		return take_alias(reader, event);
	case YAML_MAPPING_START_EVENT:
		return take_start(reader, PDB_NODE_MAPPING, event,
				  event->data.mapping_start.anchor != NULL,
				  event->data.mapping_start.tag != NULL);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(reader, PDB_NODE_SEQUENCE, event,
				  event->data.sequence_start.anchor != NULL,
				  event->data.sequence_start.tag != NULL);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		return PDB_OK;
	default:
		return PDB_OK;
	}
}

/* The texts of libyaml are constants: nothing of the file, hence no key, is in them. */
static pdb_status take_failure(document_reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;

	if (parser->error == YAML_MEMORY_ERROR) {
		return PDB_ENOMEM;
	}
	if (parser->error == YAML_READER_ERROR) {
		pdb__problem_add(reader->config, (pdb_place){reader->layer, 0, 0}, false,
				 "not UTF-8 text, at byte %zu: %s", parser->problem_offset,
				 parser->problem);
	} else {
		pdb__problem_add(reader->config, place_of(reader, parser->problem_mark), false,
				 "not YAML: %s%s%s", parser->problem,
				 parser->context != NULL ? " " : "",
				 parser->context != NULL ? parser->context : "");
	}
	reader->halted = true;
	return PDB_OK;
}

static pdb_status read_events(document_reader *reader)
{
	bool ended = false;
	pdb_status status = PDB_OK;

	while (status == PDB_OK && !ended && !reader->halted) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event)) {
			return take_failure(reader);
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		status = take(reader, &event);
		yaml_event_delete(&event);
	}
	return status;
}

static pdb_status read_document(document_reader *reader, pdb_slice yaml)
{
	static const uint8_t nothing = 0;
	pdb_status status;

	if (!yaml_parser_initialize(&reader->parser)) {
		return PDB_ENOMEM;
	}
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, yaml.len > 0 ? yaml.ptr : &nothing, yaml.len);
	status = read_events(reader);
	yaml_parser_delete(&reader->parser);
	return status;
}

pdb_status pdb__document_read(pdb_config *config, const pdb_layer *layer, pdb_slice yaml,
			      pdb_node **root_out, pdb_err *err)
{
	document_reader reader = {.config = config, .layer = layer};

	*root_out = NULL;
	if (yaml.len > PDB_CONFIG_SIZE_MAX) {
		pdb__problem_add(config, (pdb_place){layer, 0, 0}, false,
				 "the file is larger than 1 MiB");
		config->broken = true;
		return PDB_OK;
	}
	if (read_document(&reader, yaml) != PDB_OK) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory to read the configuration");
	}
	if (reader.halted) {
		config->broken = true;
	} else {
		*root_out = reader.root;
	}
	return PDB_OK;
}
