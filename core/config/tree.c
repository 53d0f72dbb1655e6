/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as JSON text. */
#include "base/json.h"
#include "config/config_private.h"

/* Plain words that JSON has too keep their meaning; everything else is a string. */
static void write_scalar(pdb_buf *out, const pdb_node *node)
{
	pdb_slice text = pdb_slice_text(node->text);

	if (pdb__node_is_null(node)) {
		pdb_buf_add_text(out, "null");
	} else if (node->plain && strchr("\"[{", node->text[0]) == NULL &&
		   pdb_json_check(text, NULL, NULL) == PDB_OK) {
		pdb_buf_add_slice(out, text);
	} else {
		pdb_json_add_string(out, text);
	}
}

static void write_member(pdb_buf *out, const pdb_node *node, bool first)
{
	if (!first) {
		pdb_buf_add_byte(out, ',');
	}
	if (node->key != NULL) {
		pdb_json_add_string(out, pdb_slice_text(node->key));
		pdb_buf_add_byte(out, ':');
	}
	pdb__tree_write(out, node);
}

/* As deep as the document, which has at most PDB_CONFIG_DEPTH_MAX levels. */
void pdb__tree_write(pdb_buf *out, const pdb_node *node)
{
	bool mapping = node->kind == PDB_NODE_MAPPING;

	if (node->kind == PDB_NODE_SCALAR) {
		write_scalar(out, node);
		return;
	}
	pdb_buf_add_byte(out, mapping ? '{' : '[');
	for (const pdb_node *child = node->first; child != NULL; child = child->next) {
		/* A key given twice has been told of; what is handed on is JSON all the same. */
		if (!mapping || pdb__node_member(node, child->key, strlen(child->key)) == child) {
			write_member(out, child, child == node->first);
		}
	}
	pdb_buf_add_byte(out, mapping ? '}' : ']');
}
