/* SPDX-License-Identifier: Apache-2.0 */
/* The persistent tree of rows: splitting, merging and walking, with path copying. */
#include "rows.h"

#include <stdatomic.h>

struct pdb_memory_row {
	atomic_size_t refs;
	uint64_t priority;
	size_t key_len;
	size_t value_len;
	uint8_t bytes[]; /* key, then value */
};

struct pdb_memory_tree {
	atomic_size_t refs;
	size_t count;
	pdb_memory_row *row;
	pdb_memory_tree *left;
	pdb_memory_tree *right;
};

/* FNV-1a with a finisher: keys that differ in one digit get unlike priorities. */
static uint64_t priority_of(uint64_t seed, pdb_slice key)
{
	uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < key.len; i++) {
		hash = (hash ^ key.ptr[i]) * UINT64_C(0x100000001b3);
	}
	hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ (hash >> 33);
}

pdb_memory_row *pdb__memory_row_create(const pdb_host *host, uint64_t seed, pdb_slice key,
				       pdb_slice value)
{
	pdb_memory_row *row = host->alloc(sizeof(*row) + key.len + value.len);

	if (row == NULL) {
		return NULL;
	}
	atomic_init(&row->refs, 1);
	row->priority = priority_of(seed, key);
	row->key_len = key.len;
	row->value_len = value.len;
	if (key.len > 0) {
		memcpy(row->bytes, key.ptr, key.len);
	}
	if (value.len > 0) {
		memcpy(row->bytes + key.len, value.ptr, value.len);
	}
	return row;
}

static pdb_memory_row *row_ref(pdb_memory_row *row)
{
	atomic_fetch_add_explicit(&row->refs, 1, memory_order_relaxed);
	return row;
}

void pdb__memory_row_unref(const pdb_host *host, pdb_memory_row *row)
{
	if (row != NULL && atomic_fetch_sub_explicit(&row->refs, 1, memory_order_acq_rel) == 1) {
		host->free(row);
	}
}

pdb_slice pdb__memory_row_key(const pdb_memory_row *row)
{
	return pdb_slice_of(row->bytes, row->key_len);
}

pdb_slice pdb__memory_row_value(const pdb_memory_row *row)
{
	return pdb_slice_of(row->bytes + row->key_len, row->value_len);
}

pdb_memory_tree *pdb__memory_tree_ref(pdb_memory_tree *tree)
{
	if (tree != NULL) {
		atomic_fetch_add_explicit(&tree->refs, 1, memory_order_relaxed);
	}
	return tree;
}

void pdb__memory_tree_unref(const pdb_host *host, pdb_memory_tree *tree)
{
	if (tree == NULL || atomic_fetch_sub_explicit(&tree->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	pdb__memory_tree_unref(host, tree->left);
	pdb__memory_tree_unref(host, tree->right);
	pdb__memory_row_unref(host, tree->row);
	host->free(tree);
}

size_t pdb__memory_tree_count(const pdb_memory_tree *tree)
{
	return tree != NULL ? tree->count : 0;
}

/* Makes a node. Takes over the references `left` and `right`, also when it fails. */
static bool tree_make(const pdb_host *host, pdb_memory_row *row, pdb_memory_tree *left,
		      pdb_memory_tree *right, pdb_memory_tree **out)
{
	pdb_memory_tree *tree = host->alloc(sizeof(*tree));

	if (tree == NULL) {
		pdb__memory_tree_unref(host, left);
		pdb__memory_tree_unref(host, right);
		return false;
	}
	atomic_init(&tree->refs, 1);
	tree->count = 1 + pdb__memory_tree_count(left) + pdb__memory_tree_count(right);
	tree->row = row_ref(row);
	tree->left = left;
	tree->right = right;
	*out = tree;
	return true;
}

pdb_memory_row *pdb__memory_tree_find(const pdb_memory_tree *tree, pdb_slice key)
{
	while (tree != NULL) {
		int order = pdb_slice_compare(key, pdb__memory_row_key(tree->row));

		if (order == 0) {
			return tree->row;
		}
		tree = order < 0 ? tree->left : tree->right;
	}
	return NULL;
}

/* Parts a tree that does not have `key` into what sorts before it and what sorts behind. */
static bool split(const pdb_host *host, pdb_memory_tree *tree, pdb_slice key,
		  pdb_memory_tree **before, pdb_memory_tree **behind)
{
	pdb_memory_tree *middle = NULL;

	*before = NULL;
	*behind = NULL;
	if (tree == NULL) {
		return true;
	}
	if (pdb_slice_compare(key, pdb__memory_row_key(tree->row)) < 0) {
		if (!split(host, tree->left, key, before, &middle)) {
			return false;
		}
		if (tree_make(host, tree->row, middle, pdb__memory_tree_ref(tree->right), behind)) {
			return true;
		}
		pdb__memory_tree_unref(host, *before);
		return false;
	}
	if (!split(host, tree->right, key, &middle, behind)) {
		return false;
	}
	if (tree_make(host, tree->row, pdb__memory_tree_ref(tree->left), middle, before)) {
		return true;
	}
	pdb__memory_tree_unref(host, *behind);
	return false;
}

bool pdb__memory_tree_put(const pdb_host *host, pdb_memory_tree *tree, pdb_memory_row *row,
			  pdb_memory_tree **out)
{
	pdb_memory_tree *left = NULL;
	pdb_memory_tree *right = NULL;
	int order;

	/* A parent's priority is never below its children's: a key of a higher one is not here. */
	if (tree == NULL || row->priority > tree->row->priority) {
		return split(host, tree, pdb__memory_row_key(row), &left, &right) &&
		       tree_make(host, row, left, right, out);
	}
	order = pdb_slice_compare(pdb__memory_row_key(row), pdb__memory_row_key(tree->row));
	if (order == 0) {
		return tree_make(host, row, pdb__memory_tree_ref(tree->left),
				 pdb__memory_tree_ref(tree->right), out);
	}
	if (order < 0) {
		return pdb__memory_tree_put(host, tree->left, row, &left) &&
		       tree_make(host, tree->row, left, pdb__memory_tree_ref(tree->right), out);
	}
	return pdb__memory_tree_put(host, tree->right, row, &right) &&
	       tree_make(host, tree->row, pdb__memory_tree_ref(tree->left), right, out);
}

/* Joins two trees, every key of `a` before every key of `b`. */
static bool merge(const pdb_host *host, pdb_memory_tree *a, pdb_memory_tree *b,
		  pdb_memory_tree **out)
{
	pdb_memory_tree *middle = NULL;

	if (a == NULL || b == NULL) {
		*out = pdb__memory_tree_ref(a != NULL ? a : b);
		return true;
	}
	if (a->row->priority >= b->row->priority) {
		return merge(host, a->right, b, &middle) &&
		       tree_make(host, a->row, pdb__memory_tree_ref(a->left), middle, out);
	}
	return merge(host, a, b->left, &middle) &&
	       tree_make(host, b->row, middle, pdb__memory_tree_ref(b->right), out);
}

bool pdb__memory_tree_remove(const pdb_host *host, pdb_memory_tree *tree, pdb_slice key,
			     pdb_memory_tree **out)
{
	pdb_memory_tree *child = NULL;
	int order;

	if (tree == NULL) {
		*out = NULL;
		return true;
	}
	order = pdb_slice_compare(key, pdb__memory_row_key(tree->row));
	if (order == 0) {
		return merge(host, tree->left, tree->right, out);
	}
	if (order < 0) {
		return pdb__memory_tree_remove(host, tree->left, key, &child) &&
		       tree_make(host, tree->row, child, pdb__memory_tree_ref(tree->right), out);
	}
	return pdb__memory_tree_remove(host, tree->right, key, &child) &&
	       tree_make(host, tree->row, pdb__memory_tree_ref(tree->left), child, out);
}

static pdb_status show(const pdb_memory_row *row, size_t *left, pdb_row_fn fn, void *arg)
{
	if (*left == 0) {
		return PDB_ESTOP;
	}
	(*left)--;
	return fn(arg, pdb__memory_row_key(row), pdb__memory_row_value(row));
}

pdb_status pdb__memory_tree_scan(const pdb_memory_tree *tree, const pdb_range *range, size_t *left,
				 pdb_row_fn row, void *arg)
{
	pdb_slice key;
	bool reaches_from;
	bool below_to;
	pdb_status status = PDB_OK;

	if (tree == NULL) {
		return PDB_OK;
	}
	key = pdb__memory_row_key(tree->row);
	reaches_from = pdb_slice_compare(key, range->from) >= 0;
	below_to = range->to.len == 0 || pdb_slice_compare(key, range->to) < 0;
	/* The side that comes first in the order asked for; it is skipped when all of it is out. */
	if (range->reverse ? below_to : reaches_from) {
		status = pdb__memory_tree_scan(range->reverse ? tree->right : tree->left, range,
					       left, row, arg);
	}
	if (status == PDB_OK && reaches_from && below_to) {
		status = show(tree->row, left, row, arg);
	}
	if (status == PDB_OK && (range->reverse ? reaches_from : below_to)) {
		status = pdb__memory_tree_scan(range->reverse ? tree->left : tree->right, range,
					       left, row, arg);
	}
	return status;
}
