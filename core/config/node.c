/* SPDX-License-Identifier: Apache-2.0 */
/* Finding one's way in the tree of a file. */
#include "config/config_private.h"

bool pdb__node_is_null(const pdb_node *node)
{
	return node->kind == PDB_NODE_SCALAR && node->plain &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		strcmp(node->text, "null") == 0);
}

const pdb_node *pdb__node_member(const pdb_node *mapping, const char *name, size_t len)
{
	if (mapping == NULL || mapping->kind != PDB_NODE_MAPPING) {
		return NULL;
	}
	for (const pdb_node *node = mapping->first; node != NULL; node = node->next) {
		if (strlen(node->key) == len && memcmp(node->key, name, len) == 0) {
			return node;
		}
	}
	return NULL;
}

const pdb_node *pdb__node_at(const pdb_node *root, const char *path)
{
	const pdb_node *node = root;

	while (node != NULL && *path != '\0') {
		size_t len = strcspn(path, ".");

		node = pdb__node_member(node, path, len);
		path += len;
		path += *path == '.';
	}
	return node;
}
