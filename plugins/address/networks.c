/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of networks: read once, searched for every request. */
#include "networks.h"

pdb_status networks_read(const pdb_host *host, networks *out, pdb_option_list list, pdb_err *err)
{
	*out = (networks){NULL, 0};
	if (list.count == 0) {
		return PDB_OK;
	}
	out->items = host->alloc(list.count * sizeof(*out->items));
	if (out->items == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the networks");
	}
	for (size_t i = 0; i < list.count; i++) {
		if (!pdb_network_parse(&out->items[i], list.items[i])) {
			networks_fini(host, out);
			return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" is no network",
					   list.items[i]);
		}
		out->count++;
	}
	return PDB_OK;
}

void networks_fini(const pdb_host *host, networks *list)
{
	host->free(list->items);
	*list = (networks){NULL, 0};
}

bool networks_have(const networks *list, const pdb_address *address)
{
	for (size_t i = 0; i < list->count; i++) {
		if (pdb_network_has(&list->items[i], address)) {
			return true;
		}
	}
	return false;
}
