/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that messages must keep: read from the configuration, and applied to a message. */
#ifndef PDB_VALIDATION_RULES_H
#define PDB_VALIDATION_RULES_H

#include <pdb/host.h>
#include <pdb/json.h>
#include <pdb/plugin.h>

/*
 * Model. A rule is about a dot path: `body` and members of it, `role`, or `author`. A number is
 * also an index, `*` stands for every member or element. A rule other than `required` says nothing
 * of what is not there. Rules under a condition hold for messages that meet it. Pure once read.
 * Threads: any.
 */
typedef struct rules rules;

#define RULES_MAX    256u
#define PATH_MAX_    256u /* bytes */
#define SEGMENTS_MAX 32u

/* What the options say, each a tree as JSON; borrowed. */
typedef struct rule_settings {
	const char *required;
	const char *types;
	const char *max_len;
	const char *enums;
	const char *when_then;
} rule_settings;

/* Reads all, and tells each problem. NULL when there was one, or no memory (told too). */
rules *rules_read(const rule_settings *settings, pdb_problem_fn problem, void *arg);
void rules_destroy(rules **all);

/* A message as it comes in; `role` and `author` are text. */
typedef struct rule_subject {
	pdb_slice body; /* checked JSON */
	pdb_slice role;
	pdb_slice author;
} rule_subject;

/* Errors: PDB_ERULE with the field of the first rule that is broken, as a JSON pointer. */
pdb_status rules_judge(const rules *all, const pdb_host_json *json, const rule_subject *subject,
		       pdb_err *err);

#endif
