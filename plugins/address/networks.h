/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of networks, as the configuration spells them. */
#ifndef PDB_ADDRESS_NETWORKS_H
#define PDB_ADDRESS_NETWORKS_H

#include <pdb/address.h>
#include <pdb/host.h>
#include <pdb/option.h>

/* `items` is of the host's allocator; NULL for none. */
typedef struct networks {
	pdb_network *items;
	size_t count;
} networks;

/* Owns: the caller, networks_fini. Errors: PDB_EINVAL for what is no network, PDB_ENOMEM. */
pdb_status networks_read(const pdb_host *host, networks *out, pdb_option_list list, pdb_err *err);
void networks_fini(const pdb_host *host, networks *list);

bool networks_have(const networks *list, const pdb_address *address);

#endif
