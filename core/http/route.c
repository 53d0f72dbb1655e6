/* SPDX-License-Identifier: Apache-2.0 */
/* The router's tree: how it is built from patterns and walked by paths. */
#include "http/route.h"

#include "base/mem.h"

typedef struct node node;

struct node {
	pdb_slice text;  /* a literal segment */
	pdb_slice param; /* of the parameter below, without braces */
	pdb_slice rest;  /* of "{*name}" below */
	node *next;      /* the next literal of the same parent */
	node *literals;
	node *wild;
	const pdb_socket_entry *rest_entries[7];
	const pdb_socket_entry *entries[7]; /* by the bit of the method */
};

struct pdb_router {
	node root;
};

static const char *const method_names[] = {"GET",    "HEAD",    "POST", "PUT",
					   "DELETE", "OPTIONS", "PATCH"};

static unsigned method_index(pdb_method method)
{
	unsigned i = 0;

	while (i < 6 && ((uint32_t)method >> i) != 1) {
		i++;
	}
	return i;
}

/* Cuts the segment off the front of `path`, which begins with '/'. */
static pdb_slice next_segment(pdb_slice *path)
{
	size_t i = 1;
	pdb_slice segment;

	while (i < path->len && path->ptr[i] != '/') {
		i++;
	}
	segment = pdb_slice_of(path->ptr + 1, i - 1);
	*path = pdb_slice_skip(*path, i);
	return segment;
}

static node *literal_of(const node *parent, pdb_slice text)
{
	node *child = parent->literals;

	while (child != NULL && !pdb_slice_equal(child->text, text)) {
		child = child->next;
	}
	return child;
}

static node *add_child(node *parent, pdb_slice segment, bool wild)
{
	node *child = wild ? parent->wild : literal_of(parent, segment);

	if (child != NULL) {
		return child;
	}
	child = pdb_mem_zalloc(sizeof(*child));
	if (child == NULL) {
		return NULL;
	}
	if (wild) {
		parent->wild = child;
	} else {
		child->text = segment;
		child->next = parent->literals;
		parent->literals = child;
	}
	return child;
}

static bool is_param(pdb_slice segment)
{
	return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

/* Walks or builds the branch of `pattern`; NULL with `err` filled. */
static node *branch_of(node *at, pdb_slice pattern, pdb_slice *rest_out, pdb_err *err)
{
	pdb_slice left = pattern;

	while (left.len > 0) {
		pdb_slice segment = next_segment(&left);
		bool wild = is_param(segment);

		if (wild && segment.ptr[1] == '*') {
			*rest_out = pdb_slice_of(segment.ptr + 2, segment.len - 3);
			if (left.len == 0) {
				return at;
			}
			(void)pdb_err_set(err, PDB_EINVAL, NULL,
					  "the route \"%.*s\" goes on behind its {*rest}",
					  PDB_SLICE_ARGS(pattern));
			return NULL;
		}
		at = add_child(at, segment, wild);
		if (at == NULL) {
			(void)pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the routes");
			return NULL;
		}
	}
	return at;
}

static pdb_status add_route(pdb_router *router, const pdb_socket_entry *entry, pdb_err *err)
{
	const pdb_route *route = entry->ops;
	pdb_slice rest = {0};
	unsigned index = method_index(route->method);
	const pdb_socket_entry **place;
	node *at;

	if (route->pattern == NULL || route->pattern[0] != '/') {
		return pdb_err_set(err, PDB_EINVAL, NULL, "a route must begin with '/'");
	}
	at = branch_of(&router->root, pdb_slice_text(route->pattern), &rest, err);
	if (at == NULL) {
		return err != NULL ? err->status : PDB_EINVAL;
	}
	place = rest.len > 0 ? &at->rest_entries[index] : &at->entries[index];
	if (*place != NULL) {
		return pdb_err_set(err, PDB_EEXISTS, NULL, "the route %s %s is there twice",
				   method_names[index], route->pattern);
	}
	*place = entry;
	return PDB_OK;
}

static void free_node(node *at)
{
	while (at->literals != NULL) {
		node *child = at->literals;

		at->literals = child->next;
		free_node(child);
		pdb_mem_free(child);
	}
	if (at->wild != NULL) {
		free_node(at->wild);
		pdb_mem_free(at->wild);
	}
}

pdb_status pdb_router_create(pdb_router **out, const pdb_socket_list *routes, pdb_err *err)
{
	pdb_router *router = pdb_mem_zalloc(sizeof(*router));
	pdb_status status = PDB_OK;

	*out = NULL;
	if (router == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the routes");
	}
	for (size_t i = 0; i < routes->count && status == PDB_OK; i++) {
		status = add_route(router, &routes->entries[i], err);
	}
	if (status != PDB_OK) {
		pdb_router_destroy(&router);
	}
	*out = router;
	return status;
}

void pdb_router_destroy(pdb_router **router)
{
	if (*router != NULL) {
		free_node(&(*router)->root);
		pdb_mem_free(*router);
		*router = NULL;
	}
}

static bool param_valid(pdb_slice segment)
{
	return segment.len > 0 && !pdb_slice_is(segment, ".") && !pdb_slice_is(segment, "..");
}

static uint32_t entry_bits(const pdb_socket_entry *const entries[7])
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 7; i++) {
		if (entries[i] != NULL) {
			bits |= 1u << i;
		}
	}
	if ((bits & PDB_METHOD_GET) != 0) {
		bits |= PDB_METHOD_HEAD;
	}
	return bits;
}

static void take_entry(pdb_match *match, const pdb_socket_entry *const entries[7],
		       pdb_method method)
{
	const pdb_socket_entry *entry = entries[method_index(method)];

	if (entry == NULL && method == PDB_METHOD_HEAD) {
		entry = entries[0];
	}
	match->allowed = entry_bits(entries);
	if (entry != NULL) {
		match->route = entry->ops;
		match->self = entry->self;
	}
}

/* The names stand in the pattern of the route found: two routes may name one place differently. */
static void name_params(pdb_match *match)
{
	pdb_slice left = pdb_slice_text(match->route->pattern);
	size_t i = 0;

	while (left.len > 0 && i < match->count) {
		pdb_slice segment = next_segment(&left);
		size_t skip;

		if (is_param(segment)) {
			skip = segment.ptr[1] == '*' ? 2 : 1;
			match->params[i].name =
				pdb_slice_of(segment.ptr + skip, segment.len - skip - 1);
			i++;
		}
	}
}

/* One step down; NULL when there is none. */
static const node *step(const node *at, pdb_slice segment, pdb_match *match)
{
	const node *child = literal_of(at, segment);

	if (child != NULL) {
		return child;
	}
	if (at->wild == NULL || !param_valid(segment) || match->count == PDB_PARAMS_MAX) {
		return NULL;
	}
	match->params[match->count++].value = segment;
	return at->wild;
}

void pdb_router_find(const pdb_router *router, pdb_method method, pdb_slice path,
		     pdb_match *match_out)
{
	const node *at = path.len > 0 && path.ptr[0] == '/' ? &router->root : NULL;
	const node *rest_at = NULL;
	pdb_slice left = path;
	pdb_slice rest = {0};
	size_t rest_count = 0;

	match_out->route = NULL;
	match_out->self = NULL;
	match_out->allowed = 0;
	match_out->count = 0;
	while (at != NULL && left.len > 0) {
		if (entry_bits(at->rest_entries) != 0) {
			rest_at = at;
			rest = pdb_slice_skip(left, 1);
			rest_count = match_out->count;
		}
		at = step(at, next_segment(&left), match_out);
	}
	if (at != NULL && entry_bits(at->entries) != 0) {
		take_entry(match_out, at->entries, method);
	} else if (rest_at != NULL && rest_count < PDB_PARAMS_MAX) {
		match_out->count = rest_count;
		match_out->params[match_out->count++].value = rest;
		take_entry(match_out, rest_at->rest_entries, method);
	}
	if (match_out->route != NULL) {
		name_params(match_out);
	}
}

const char *pdb_method_name(pdb_method method)
{
	return method_names[method_index(method)];
}

void pdb_allow_text(uint32_t methods, char *out)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < 7; i++) {
		if ((methods & (1u << i)) != 0) {
			int n = snprintf(out + used, PDB_ALLOW_MAX - used, "%s%s",
					 used > 0 ? ", " : "", method_names[i]);

			used += n > 0 ? (size_t)n : 0;
		}
	}
}
