/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the plugin ABI, and the log of every change to them. */
#ifndef PDB_ABI_H
#define PDB_ABI_H

#include <stddef.h>

/*
 * A host loads a plugin when the major numbers are equal and the plugin's minor number is not
 * above its own. Adding a field at the end of an ops table, an option flag or a host function
 * raises the minor number; everything else raises the major one.
 *
 * Log
 *   1.0  manifest, options, host table; gate, route, record, event, job; storage provider
 *   1.1  rows of a plugin's own; metrics
 *   1.1  key-service provider (kind 3) and pdb_host.kms
 *   1.1  addresses and networks (pdb/address.h)
 *   1.1  notes of threads (record_thread_note, hook purge, domain thread), pdb_host.json
 *   1.1  request_route … request_certificate_name; gate leave; phases TRACE and GUARD
 *   1.1  request_header_at
 *   1.1  the domain for jobs (pdb_host.domain); changes MESSAGE_PURGED, THREAD_PURGED
 *   1.1  submitted jobs (pdb_host.jobs)
 *   1.1  pdb_host.control (pdb/control.h)
 *   1.1  files of a storage backend; pdb_host_control.backup
 *   1.1  single threads and what clients see (thread … show_versions of pdb_host.domain)
 *   1.1  what a record hook tells administrators of a thread (hook show)
 *   1.1  wrapped keys out of a KMS and back (pdb_kms_ops.wrapped, restore)
 *   1.1  threads for another database (export_thread, import_thread of pdb_host.domain)
 *   1.1  bodies that a record hook has in memory (hook ahead, record_make_*)
 *   1.1  threads that a user touched (threads_touched of pdb_host.domain), reactions of messages
 *   1.1  reload of a key-service provider; pdb_host.kms answers
 */
#define PDB_ABI_MAJOR 1
#define PDB_ABI_MINOR 1

/* "PDBP", the first four bytes of every manifest. */
#define PDB_MANIFEST_MAGIC 0x50424450u

/* True when the table at `t` is long enough to have `field` and the field is set. */
#define PDB_HAS(t, field)                                                                          \
	((t)->size >= offsetof(__typeof__(*(t)), field) + sizeof((t)->field) && (t)->field != 0)

#endif
