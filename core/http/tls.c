/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: the context of the server, replaced as a whole when certificates change. */
#include <openssl/err.h>

#include "base/log.h"
#include "http/http_private.h"

/* For TLS 1.2; those of 1.3 are good as they are. Forward secrecy and authenticated encryption
 * only. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

static pdb_status fail(pdb_err *err, const char *what, const char *file)
{
	char reason[160];

	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return pdb_err_set(err, PDB_EINVAL, NULL, "%s \"%s\": %s", what, file, reason);
}

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
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

/*
 * Asks every client for a certificate; one that cannot be verified ends the handshake, none at all
 * is judged later, when the caller's role is known. Sessions are not resumed, so that a changed
 * list of authorities is never got around by an old session.
 */
static pdb_status ask_clients(SSL_CTX *tls, const char *ca_file, pdb_err *err)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);

	if (names == NULL || SSL_CTX_load_verify_file(tls, ca_file) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return fail(err, "cannot use the authorities of clients in", ca_file);
	}
	SSL_CTX_set_client_CA_list(tls, names);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(tls, 0);
	SSL_CTX_set_options(tls, SSL_OP_NO_TICKET);
	return PDB_OK;
}

static pdb_status harden(SSL_CTX *tls, int64_t min_version, pdb_err *err)
{
	int least = min_version == PDB_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (SSL_CTX_set_min_proto_version(tls, least) != 1 ||
	    SSL_CTX_set_cipher_list(tls, CIPHERS) != 1) {
		ERR_clear_error();
		return pdb_err_set(err, PDB_EINTERNAL, NULL,
				   "the TLS library cannot do what is required");
	}
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	return PDB_OK;
}

bool pdb__tls_asks_clients(const pdb_http_settings *settings)
{
	return settings->certificates_backend != PDB_CERTIFICATE_OFF ||
	       settings->certificates_admin != PDB_CERTIFICATE_OFF;
}

static pdb_status create(SSL_CTX **out, const pdb_http_settings *settings, pdb_err *err)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	pdb_status status;

	*out = tls;
	if (tls == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for TLS");
	}
	status = harden(tls, settings->tls_min_version, err);
	if (status == PDB_OK) {
		status = load(tls, settings->tls_cert_file, settings->tls_key_file, err);
	}
	if (status == PDB_OK && pdb__tls_asks_clients(settings)) {
		if (!is_set(settings->tls_client_ca_file)) {
			return pdb_err_set(
				err, PDB_EINVAL, NULL,
				"certificates of clients need server.tls.client_ca_file");
		}
		status = ask_clients(tls, settings->tls_client_ca_file, err);
	}
	return status;
}

static pdb_status make(SSL_CTX **out, const pdb_http_settings *settings, pdb_err *err)
{
	pdb_status status = create(out, settings, err);

	if (status != PDB_OK) {
		SSL_CTX_free(*out);
		*out = NULL;
	}
	return status;
}

static void take_modes(pdb_http *http, const pdb_http_settings *settings)
{
	atomic_store(&http->certificates_backend, (int)settings->certificates_backend);
	atomic_store(&http->certificates_admin, (int)settings->certificates_admin);
}

pdb_status pdb__tls_prepare(pdb_http *http, pdb_err *err)
{
	const pdb_http_settings *settings = &http->settings;
	bool has_cert = is_set(settings->tls_cert_file);

	if (has_cert != is_set(settings->tls_key_file)) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "TLS needs both a certificate and its key");
	}
	if (!has_cert && pdb__tls_asks_clients(settings)) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "certificates of clients need TLS on the server");
	}
	http->secure = has_cert;
	take_modes(http, settings);
	return has_cert ? make(&http->tls, settings, err) : PDB_OK;
}

SSL *pdb__tls_session(pdb_http *http, unsigned *generation_out)
{
	SSL *ssl;

	(void)pthread_mutex_lock(&http->tls_lock);
	ssl = SSL_new(http->tls);
	*generation_out = atomic_load(&http->tls_generation);
	(void)pthread_mutex_unlock(&http->tls_lock);
	return ssl;
}

pdb_status pdb_http_reload(pdb_http *http, const pdb_http_settings *settings, pdb_err *err)
{
	SSL_CTX *fresh = NULL;
	SSL_CTX *old;
	pdb_status status;

	pdb__trace_use(http, settings);
	if (http->secure != is_set(settings->tls_cert_file)) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "switching TLS on or off needs a restart");
	}
	if (!http->secure) {
		return PDB_OK;
	}
	status = make(&fresh, settings, err);
	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&http->tls_lock);
	old = http->tls;
	http->tls = fresh;
	(void)atomic_fetch_add(&http->tls_generation, 1);
	(void)pthread_mutex_unlock(&http->tls_lock);
	SSL_CTX_free(old); /* sessions that use it keep it alive */
	take_modes(http, settings);
	return PDB_OK;
}
