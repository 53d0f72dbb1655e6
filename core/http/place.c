/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen: what the configuration says, taken apart and judged. */
#include "base/mem.h"
#include "base/text.h"
#include "http/http_private.h"

static pdb_status no_memory(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for HTTP");
}

static pdb_status parse_path(pdb_place *place, const char *path, pdb_err *err)
{
	if (path[0] == '\0' || strlen(path) > PDB_LOCAL_PATH_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the path of a local socket has 1 to %u bytes",
				   PDB_LOCAL_PATH_MAX);
	}
	place->path = pdb_mem_text(path);
	return place->path != NULL ? PDB_OK : no_memory(err);
}

/* "host:port" and "[host]:port"; a bare IPv6 address has more than one colon. */
static pdb_status parse_host(pdb_place *place, const char *text, pdb_err *err)
{
	const char *colon = strrchr(text, ':');
	pdb_slice host = pdb_slice_text(text);
	uint64_t port = 0;

	if (colon != NULL && colon > text &&
	    (text[0] == '[' ? colon[-1] == ']' : strchr(text, ':') == colon)) {
		if (!pdb_text_to_uint(pdb_slice_text(colon + 1), &port) || port > 65535) {
			return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" has no valid port", text);
		}
		host.len = (size_t)(colon - text);
		place->port = (int)port;
	}
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
		host = pdb_slice_of(host.ptr + 1, host.len - 2);
	}
	place->host = pdb_mem_text_of(host);
	return place->host != NULL ? PDB_OK : no_memory(err);
}

pdb_status pdb__place_parse(pdb_place *out, const char *text, int port, pdb_err *err)
{
	pdb_status status;

	out->port = port;
	if (strncmp(text, "unix:", 5) == 0) {
		return parse_path(out, text + 5, err);
	}
	status = parse_host(out, text, err);
	if (status == PDB_OK && out->port < 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" names no port", text);
	}
	return status;
}

void pdb__place_fini(pdb_place *place)
{
	pdb__local_close(place);
	pdb_mem_free(place->host);
	pdb_mem_free(place->path);
	place->host = NULL;
	place->path = NULL;
}

pdb_status pdb__place_text(const pdb_place *place, char *out, size_t size)
{
	const char *scheme = place->secure ? "https" : "http";
	bool bare = place->host == NULL || strchr(place->host, ':') == NULL;
	int len;

	if (place->path != NULL) {
		len = snprintf(out, size, "unix:%s", place->path);
	} else {
		len = snprintf(out, size, "%s://%s%s%s:%d", scheme, bare ? "" : "[", place->host,
			       bare ? "" : "]", place->port);
	}
	return len >= 0 && (size_t)len < size ? PDB_OK : PDB_ETOOLARGE;
}
