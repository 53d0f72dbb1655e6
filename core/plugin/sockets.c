/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: the lists of what is plugged in, unique by name and in the order of calling. */
#include "plugin/sockets.h"

#include "base/mem.h"
#include "plugin/plugin_private.h"

void pdb_sockets_fini(pdb_sockets *sockets)
{
	if (sockets == NULL) {
		return;
	}
	for (size_t kind = 0; kind < PDB_SOCKET_COUNT; kind++) {
		pdb_mem_free(sockets->lists[kind].entries);
	}
	memset(sockets, 0, sizeof(*sockets));
}

static const char *name_of(pdb_socket_kind kind, const void *ops)
{
	switch (kind) {
	case PDB_SOCKET_GATE:
		return ((const pdb_gate *)ops)->name;
	case PDB_SOCKET_ROUTE:
		return ((const pdb_route *)ops)->pattern;
	case PDB_SOCKET_RECORD:
		return ((const pdb_record_hook *)ops)->name;
	case PDB_SOCKET_LISTENER:
		return ((const pdb_listener *)ops)->name;
	case PDB_SOCKET_JOB:
		return ((const pdb_job *)ops)->name;
	case PDB_SOCKET_COUNT:
		break;
	}
	return "";
}

/* The place in the order of calling; equal places keep the order of registration. */
static int place_of(pdb_socket_kind kind, const void *ops)
{
	switch (kind) {
	case PDB_SOCKET_GATE:
		return (int)((const pdb_gate *)ops)->phase;
	case PDB_SOCKET_RECORD:
		return ((const pdb_record_hook *)ops)->order;
	default:
		return 0;
	}
}

static bool routes_clash(const pdb_route *a, const pdb_route *b)
{
	return a->method == b->method && pdb__pattern_same_shape(a->pattern, b->pattern);
}

static bool clash(pdb_socket_kind kind, const void *a, const void *b)
{
	if (kind == PDB_SOCKET_ROUTE) {
		return routes_clash(a, b);
	}
	return strcmp(name_of(kind, a), name_of(kind, b)) == 0;
}

static bool tags_clash(const pdb_record_hook *a, const pdb_record_hook *b)
{
	return a->tag[0] != '\0' && memcmp(a->tag, b->tag, sizeof(a->tag)) == 0;
}

static pdb_status check_unique(const pdb_socket_list *list, pdb_socket_kind kind, const void *ops,
			       pdb_err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const pdb_socket_entry *entry = &list->entries[i];

		if (clash(kind, entry->ops, ops)) {
			return pdb_err_set(err, PDB_EEXISTS, NULL, "%s is already taken by %s",
					   name_of(kind, ops), entry->owner);
		}
		if (kind == PDB_SOCKET_RECORD && tags_clash(entry->ops, ops)) {
			return pdb_err_set(err, PDB_EEXISTS, NULL,
					   "the attachments %s already belong to %s",
					   ((const pdb_record_hook *)ops)->tag, entry->owner);
		}
	}
	return PDB_OK;
}

/* Room is made in powers of two, so it is full whenever the count is one (or zero). */
static bool make_room(pdb_socket_list *list)
{
	size_t count = list->count;
	pdb_socket_entry *entries;

	if ((count & (count - 1)) != 0) {
		return true;
	}
	count = count == 0 ? 1 : count * 2;
	entries = pdb_mem_realloc(list->entries, count * sizeof(*entries));
	if (entries == NULL) {
		return false;
	}
	list->entries = entries;
	return true;
}

static void insert(pdb_socket_list *list, pdb_socket_kind kind, const pdb_socket_entry *entry)
{
	size_t at = list->count;

	while (at > 0 && place_of(kind, list->entries[at - 1].ops) > place_of(kind, entry->ops)) {
		list->entries[at] = list->entries[at - 1];
		at--;
	}
	list->entries[at] = *entry;
	list->count++;
}

pdb_status pdb_sockets_add(pdb_sockets *sockets, pdb_socket_kind kind, const char *owner,
			   const void *ops, void *self, pdb_err *err)
{
	const pdb_socket_entry entry = {ops, self, owner};
	pdb_status status = pdb__socket_judge(kind, ops, err);

	if (status == PDB_OK) {
		status = check_unique(&sockets->lists[kind], kind, ops, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (!make_room(&sockets->lists[kind])) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory to plug in %s",
				   name_of(kind, ops));
	}
	insert(&sockets->lists[kind], kind, &entry);
	return PDB_OK;
}
