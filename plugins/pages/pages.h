/* SPDX-License-Identifier: Apache-2.0 */
/* Static pages out of a plugin: found by name, with headers that let them load nothing from
 * elsewhere. */
#ifndef PDB_PAGES_H
#define PDB_PAGES_H

#include <pdb/host.h>

typedef struct page_file {
	const char *name;
	const char *type;
	const char *etag; /* with its quotes */
	const unsigned char *bytes;
	size_t size;
} page_file;

/* The files of the plugin that this is linked into; generated (cmake/Site.cmake). */
extern const page_file site_files[];
extern const size_t site_file_count;

/*
 * Answers with the file `name`, or 304 when the client has it; "" is index.html. Nothing may be
 * loaded from elsewhere, nor inline, nor shown in a frame. Errors: PDB_ENOTFOUND, PDB_ENOMEM.
 */
pdb_status pages_answer(const pdb_host *host, pdb_request *request, pdb_slice name, pdb_err *err);
/* Answers 308 to `location`. */
pdb_status pages_move(const pdb_host *host, pdb_request *request, const char *location);

#endif
