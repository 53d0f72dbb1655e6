/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and judging share. */
#ifndef PDB_VALIDATION_RULES_PRIVATE_H
#define PDB_VALIDATION_RULES_PRIVATE_H

#include <jansson.h>

#include "rules.h"

#define TREES 5u
/* No condition: the rule holds always. */
#define ALWAYS SIZE_MAX

typedef enum rule_kind {
	RULE_REQUIRED = 1,
	RULE_TYPE,
	RULE_MAX_LEN,
	RULE_ENUM,
	RULE_CONDITION /* not broken by anybody: others hang on it */
} rule_kind;

/* Bits of a type. */
enum {
	TYPE_STRING = 1,
	TYPE_NUMBER = 2,
	TYPE_INTEGER = 4,
	TYPE_BOOLEAN = 8,
	TYPE_OBJECT = 16,
	TYPE_ARRAY = 32,
	TYPE_NULL = 64
};

typedef struct path {
	char text[PATH_MAX_];
	size_t count;
	pdb_slice segments[SEGMENTS_MAX]; /* in `text`; the first is body, role or author */
} path;

typedef struct rule {
	rule_kind kind;
	size_t condition; /* the place of a RULE_CONDITION, or ALWAYS */
	path path;
	unsigned types;
	size_t max_len;
	const json_t *values; /* an array, for RULE_ENUM and RULE_CONDITION; in a tree */
} rule;

struct rules {
	json_t *trees[TREES];
	size_t count;
	rule list[RULES_MAX];
};

#endif
