/* SPDX-License-Identifier: Apache-2.0 */
/* What this client shows to a KMS and by what it knows it: certificates, or a token. */
#include "external/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "keyring/source.h"

#define FILE_MAX 4096u

static pdb_status find_token(const char *path, pdb_slice text, wire_token *out, pdb_err *err)
{
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		if (len > 0 && text.ptr[0] != '#') {
			if (wire_token_read(pdb_slice_of(text.ptr, len), out)) {
				return PDB_OK;
			}
			break;
		}
		text = pdb_slice_skip(text, len + 1);
	}
	return pdb_err_set(
		err, PDB_EINVAL, NULL,
		"%s has no line \"role name secret\" with a secret of 32 to 128 characters", path);
}

/* The first token of a file that only its owner may read. */
static pdb_status read_token(const char *path, wire_token *out, pdb_err *err)
{
	uint8_t text[FILE_MAX];
	pdb_status status = pdb__secret_place_judge(path, err);
	ssize_t len = -1;
	int fd;

	if (status != PDB_OK) {
		return status;
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the token file %s: %s", path,
				   strerror(errno));
	}
	status = pdb__secret_file_judge(fd, path, err);
	if (status == PDB_OK) {
		len = read(fd, text, sizeof(text));
		status = find_token(path, pdb_slice_of(text, len > 0 ? (size_t)len : 0), out, err);
	}
	(void)close(fd);
	sodium_memzero(text, sizeof(text));
	return status;
}

static pdb_status use_token(credentials *shown, const wire_endpoint *endpoint, const char *path,
			    pdb_err *err)
{
	if (path[0] == '\0') {
		return endpoint->local || endpoint->tls
			       ? PDB_OK
			       : pdb_err_set(err, PDB_EINVAL, NULL,
					     "an endpoint with http needs security.kms.token_file");
	}
	shown->token = sodium_malloc(sizeof(*shown->token));
	if (shown->token == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the token");
	}
	return read_token(path, shown->token, err);
}

pdb_status credentials_read(credentials **out, const pdb_host *host, const wire_endpoint *endpoint,
			    const credentials_files *files, pdb_err *err)
{
	credentials *shown = host->alloc(sizeof(*shown));
	pdb_status status = PDB_OK;

	*out = NULL;
	if (shown == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the client of the KMS");
	}
	*shown = (credentials){.host = host, .holds = 1};
	if (endpoint->tls) {
		status = wire_tls_make(&shown->tls, &files->tls, false, err);
	}
	if (status == PDB_OK) {
		status = use_token(shown, endpoint, files->token, err);
	}
	if (status != PDB_OK) {
		credentials_let_go(&shown);
	}
	*out = shown;
	return status;
}

credentials *credentials_hold(credentials *shown)
{
	(void)atomic_fetch_add(&shown->holds, 1);
	return shown;
}

void credentials_let_go(credentials **shown)
{
	credentials *old = *shown;

	*shown = NULL;
	if (old != NULL && atomic_fetch_sub(&old->holds, 1) == 1) {
		sodium_free(old->token);
		wire_tls_free(&old->tls);
		old->host->free(old);
	}
}
