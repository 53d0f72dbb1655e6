/* SPDX-License-Identifier: Apache-2.0 */
/* Static pages: one way to answer for all plugins that have some. */
#include "pages.h"

#include <stdio.h>

/* This file is compiled into each plugin that has pages. */
static const pdb_host *host;

static const char *const headers[][2] = {
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
	 "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
	/* asked again each time, and answered 304: a new server has new pages at once */
	{"Cache-Control", "no-cache"},
};

static const page_file *find(pdb_slice name)
{
	if (name.len == 0) {
		name = PDB_SLICE("index.html");
	}
	for (size_t i = 0; i < site_file_count; i++) {
		if (pdb_slice_is(name, site_files[i].name)) {
			return &site_files[i];
		}
	}
	return NULL;
}

static pdb_status add_headers(pdb_request *request, const page_file *file)
{
	pdb_status status = host->request_add_header(request, "ETag", file->etag);

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) && status == PDB_OK; i++) {
		status = host->request_add_header(request, headers[i][0], headers[i][1]);
	}
	return status;
}

pdb_status pages_answer(pdb_request *request, pdb_slice name, pdb_err *err)
{
	const page_file *file = find(name);
	pdb_slice known = {0};
	pdb_status status;

	if (file == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "There is no such page.");
	}
	status = add_headers(request, file);
	if (status != PDB_OK) {
		return pdb_err_set(err, status, NULL, "no memory for the answer");
	}
	if (host->request_header(request, "If-None-Match", &known) &&
	    pdb_slice_is(known, file->etag)) {
		return host->request_reply(request, 304, file->type, pdb_slice_of(NULL, 0));
	}
	return host->request_reply(request, 200, file->type, pdb_slice_of(file->bytes, file->size));
}

pdb_status pages_file(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	return pages_answer(request, host->request_param(request, "file"), err);
}

pdb_status pages_folder(void *self, pdb_request *request, pdb_err *err)
{
	pdb_slice path = host->request_path(request);
	char location[64];
	pdb_status status;

	(void)self, (void)err;
	(void)snprintf(location, sizeof(location), "%.*s/", PDB_SLICE_ARGS(path));
	status = host->request_add_header(request, "Location", location);
	return status == PDB_OK
		       ? host->request_reply(request, 308, "text/plain", PDB_SLICE("Moved.\n"))
		       : status;
}

pdb_status pages_init(const pdb_host *given, pdb_plugin *plugin, const pdb_route *routes,
		      size_t count, pdb_err *err)
{
	pdb_status status = PDB_OK;

	host = given;
	for (size_t i = 0; i < count && status == PDB_OK; i++) {
		status = given->add_route(plugin, &routes[i], NULL, err);
	}
	return status;
}
