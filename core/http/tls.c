/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: the context of the server, replaced as a whole when certificates change. */
#include <openssl/err.h>

#include "http/http_private.h"

static pdb_status fail(pdb_err *err, const char *what, const char *file)
{
	char reason[160];

	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return pdb_err_set(err, PDB_EINVAL, NULL, "%s \"%s\": %s", what, file, reason);
}

static pdb_status load(SSL_CTX *tls, const char *cert_file, const char *key_file, pdb_err *err)
{
	if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1) {
		return fail(err, "cannot use the certificate", cert_file);
	}
	if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1) {
		return fail(err, "cannot use the private key", key_file);
	}
	if (SSL_CTX_check_private_key(tls) != 1) {
		return fail(err, "this key does not belong to the certificate:", key_file);
	}
	return PDB_OK;
}

pdb_status pdb__tls_create(SSL_CTX **out, const char *cert_file, const char *key_file, pdb_err *err)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	pdb_status status;

	*out = NULL;
	if (tls == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for TLS");
	}
	if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(tls);
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "TLS 1.2 cannot be required");
	}
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	status = load(tls, cert_file, key_file, err);
	if (status != PDB_OK) {
		SSL_CTX_free(tls);
		return status;
	}
	*out = tls;
	return PDB_OK;
}

SSL *pdb__tls_session(pdb_http *http)
{
	SSL *ssl;

	(void)pthread_mutex_lock(&http->tls_lock);
	ssl = SSL_new(http->tls);
	(void)pthread_mutex_unlock(&http->tls_lock);
	return ssl;
}

pdb_status pdb_http_reload_tls(pdb_http *http, const char *cert_file, const char *key_file,
			       pdb_err *err)
{
	SSL_CTX *fresh = NULL;
	SSL_CTX *old;
	pdb_status status;

	if (!http->secure) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "TLS is not switched on");
	}
	status = pdb__tls_create(&fresh, cert_file, key_file, err);
	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&http->tls_lock);
	old = http->tls;
	http->tls = fresh;
	(void)pthread_mutex_unlock(&http->tls_lock);
	SSL_CTX_free(old); /* sessions that use it keep it alive */
	return PDB_OK;
}
