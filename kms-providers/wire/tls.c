/* SPDX-License-Identifier: Apache-2.0 */
/* TLS between a server and its KMS: 1.3 only, both sides with certificates. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <sodium.h>
#include <time.h>

#include "wire/stream.h"

static pdb_status bad_file(const char *what, const char *path, pdb_err *err)
{
	const char *reason = ERR_reason_error_string(ERR_get_error());

	ERR_clear_error();
	return pdb_err_set(err, PDB_EINVAL, NULL, "the %s \"%s\" cannot be used: %s", what, path,
			   reason != NULL ? reason : "it is not given");
}

static pdb_status use_files(SSL_CTX *tls, const wire_tls_files *files, pdb_err *err)
{
	if (SSL_CTX_use_certificate_chain_file(tls, files->certificate) != 1) {
		return bad_file("certificate", files->certificate, err);
	}
	if (SSL_CTX_use_PrivateKey_file(tls, files->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(tls) != 1) {
		return bad_file("private key", files->key, err);
	}
	if (SSL_CTX_load_verify_file(tls, files->authorities) != 1) {
		return bad_file("list of authorities", files->authorities, err);
	}
	return PDB_OK;
}

pdb_status wire_tls_make(SSL_CTX **out, const wire_tls_files *files, bool server, pdb_err *err)
{
	SSL_CTX *tls = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	pdb_status status;

	*out = NULL;
	if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1) {
		SSL_CTX_free(tls);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for TLS");
	}
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(tls, 0);
	status = use_files(tls, files, err);
	if (status != PDB_OK) {
		SSL_CTX_free(tls);
		return status;
	}
	*out = tls;
	return PDB_OK;
}

void wire_tls_free(SSL_CTX **tls)
{
	SSL_CTX_free(*tls);
	*tls = NULL;
}

static bool read_until(const X509 *certificate, int64_t *out)
{
	struct tm when = {0};

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1) {
		return false;
	}
	*out = (int64_t)timegm(&when);
	return true;
}

/* A name that is too long, or has bytes that would cut it, counts as none. */
static void read_name(const X509 *certificate, char out[WIRE_NAME + 1])
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int len = -1;
	bool plain;

	if (at >= 0) {
		len = ASN1_STRING_to_UTF8(
			&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	}
	plain = len > 0 && len <= (int)WIRE_NAME;
	for (int i = 0; i < len && plain; i++) {
		plain = text[i] >= ' ' && text[i] != 0x7f;
	}
	if (plain) {
		memcpy(out, text, (size_t)len);
		out[len] = '\0';
	}
	OPENSSL_free(text);
}

bool wire_tls_peer(const SSL *ssl, wire_certificate *out)
{
	X509 *certificate = ssl != NULL ? SSL_get1_peer_certificate(ssl) : NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool good;

	*out = (wire_certificate){0};
	if (certificate == NULL) {
		return false;
	}
	good = X509_digest(certificate, EVP_sha256(), digest, &len) == 1 && len == 32 &&
	       read_until(certificate, &out->until);
	if (good) {
		(void)sodium_bin2hex(out->fingerprint, sizeof(out->fingerprint), digest, len);
		read_name(certificate, out->name);
	}
	X509_free(certificate);
	return good;
}

bool wire_tls_trusts(SSL_CTX *tls, const SSL *ssl)
{
	X509 *shown = SSL_get1_peer_certificate(ssl);
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	bool good = tls != NULL && check != NULL && shown != NULL &&
		    X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(tls), shown,
					SSL_get_peer_cert_chain(ssl)) == 1 &&
		    X509_STORE_CTX_set_default(check, "ssl_client") == 1 &&
		    X509_verify_cert(check) == 1;

	X509_STORE_CTX_free(check);
	X509_free(shown);
	ERR_clear_error();
	return good;
}
