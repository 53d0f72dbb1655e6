/* SPDX-License-Identifier: Apache-2.0 */
/* Field paths: which values of a body are sealed. */
#ifndef ENCRYPTION_PATH_H
#define ENCRYPTION_PATH_H

#include <pdb/host.h>
#include <pdb/json.h>

/*
 * Model. A path is `body`, or `body` and segments with a dot in front of each:
 *   name     a member of an object; a number is also the index of an array
 *   "a.b"    the same for a name with dots, quotes or the like; \" and \\ stand for " and \
 *   *        every member of an object, every element of an array
 * A path that leads nowhere in a body matches nothing there. Where a match lies in another, the
 * outer one counts. No paths at all mean the whole body.
 *
 * Everything here is pure: it reads checked JSON and takes no memory but for the compiled list.
 * Threads: any, once compiled.
 */
typedef struct path_list path_list;

#define PATH_COUNT_MAX 64u   /* paths of a list */
#define PATH_DEPTH_MAX 32u   /* segments of a path, `body` not counted */
#define PATH_TEXT_MAX  1024u /* bytes of a path as it is configured, or as it is recorded */

/* The reason why a configured path is not acceptable, or NULL. */
const char *path_judge(const char *text);

/* Compiles paths that were judged. Memory is the host's. Errors: PDB_EINVAL, PDB_ENOMEM. */
pdb_status path_list_create(path_list **out, const pdb_host *host, const pdb_option_list *paths,
			    pdb_err *err);
void path_list_destroy(path_list **list, const pdb_host *host);

/* One value that is covered: its bytes in the body, and where it is, as a JSON pointer from the
 * message's root with names as they are spelled in the JSON. Lives during the call. */
typedef struct path_match {
	pdb_slice span;
	pdb_slice path;
} path_match;

typedef pdb_status (*path_match_fn)(void *arg, const path_match *match);

/*
 * Calls `found` for every covered value of a checked body, in the order of their bytes; matches
 * never overlap. Errors: PDB_ETOOLARGE when the place of a match cannot be recorded; what `found`
 * returned, which ends the walk.
 */
pdb_status path_list_match(const path_list *list, const pdb_host_json *json, pdb_slice body,
			   path_match_fn found, void *arg);

#endif
