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
 * Registers the routes, which must be constant: PAGES_FOLDER("/viewer") gives the three of a site.
 * Only during init(); once in a plugin. Errors: those of pdb_host.add_route.
 */
pdb_status pages_init(const pdb_host *host, pdb_plugin *plugin, const pdb_route *routes,
		      size_t count, pdb_err *err);

/* Handlers of routes. `pages_file` answers with the file that the parameter "file" names ("" is
 * index.html), or 304 when the client has it; `pages_folder` leads to the path with a '/' behind.
 */
pdb_status pages_file(void *self, pdb_request *request, pdb_err *err);
pdb_status pages_folder(void *self, pdb_request *request, pdb_err *err);
/* For a handler of one's own. Nothing may be loaded from elsewhere, nor inline, nor shown in a
 * frame. Errors: PDB_ENOTFOUND, PDB_ENOMEM. */
pdb_status pages_answer(pdb_request *request, pdb_slice name, pdb_err *err);

#define PAGE(pattern_, handle_)                                                                    \
	{                                                                                          \
		.size = sizeof(pdb_route), .method = PDB_METHOD_GET, .pattern = (pattern_),        \
		.roles = PDB_ROLES_PUBLIC, .handle = (handle_)                                     \
	}
#define PAGES_FOLDER(path_)                                                                        \
	PAGE(path_, pages_folder), PAGE(path_ "/", pages_file), PAGE(path_ "/{file}", pages_file)

#endif
