/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that clients show: read once a connection, judged anew when that is called for. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/http_private.h"

/* Nothing that a log or a header could stumble over; a name with such bytes counts as none. */
static bool name_plain(const unsigned char *text, int len)
{
	for (int i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] == 0x7f) {
			return false;
		}
	}
	return len > 0 && pdb_utf8_valid(pdb_slice_of(text, (size_t)len));
}

static void read_name(pdb_certificate *out, X509 *shown)
{
	X509_NAME *subject = X509_get_subject_name(shown);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int len = -1;

	if (at >= 0) {
		len = ASN1_STRING_to_UTF8(
			&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	}
	if (len > 0 && (size_t)len < sizeof(out->name) && name_plain(text, len)) {
		memcpy(out->name, text, (size_t)len);
		out->name[len] = '\0';
	}
	OPENSSL_free(text);
}

static bool read_expiry(pdb_certificate *out, X509 *shown)
{
	struct tm when = {0};

	if (ASN1_TIME_to_tm(X509_get0_notAfter(shown), &when) != 1) {
		return false;
	}
	out->expires = (int64_t)timegm(&when);
	return true;
}

static bool read_fingerprint(pdb_certificate *out, X509 *shown)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (X509_digest(shown, EVP_sha256(), digest, &len) != 1 ||
	    2 * len + 1 != sizeof(out->fingerprint)) {
		return false;
	}
	pdb_hex_encode(out->fingerprint, pdb_slice_of(digest, len));
	return true;
}

/* NULL when the client showed none, or there is no memory: it then has none. */
static pdb_certificate *read_certificate(SSL *ssl)
{
	X509 *shown =
		SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get1_peer_certificate(ssl) : NULL;
	pdb_certificate *made = shown != NULL ? pdb_mem_zalloc(sizeof(*made)) : NULL;

	if (made != NULL) {
		read_name(made, shown);
		if (!read_fingerprint(made, shown) || !read_expiry(made, shown)) {
			pdb_mem_free(made);
			made = NULL;
		}
	}
	X509_free(shown);
	ERR_clear_error();
	return made;
}

/* The authorities have been exchanged since the handshake: they judge, not those of then. */
static bool verify_again(pdb_http *http, SSL *ssl, unsigned *generation_out)
{
	X509 *shown = SSL_get1_peer_certificate(ssl);
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	X509_STORE *store;
	bool good = false;

	(void)pthread_mutex_lock(&http->tls_lock);
	store = SSL_CTX_get_verify_mode(http->tls) != SSL_VERIFY_NONE
			? SSL_CTX_get_cert_store(http->tls)
			: NULL;
	if (store != NULL) {
		(void)X509_STORE_up_ref(store);
	}
	*generation_out = atomic_load(&http->tls_generation);
	(void)pthread_mutex_unlock(&http->tls_lock);
	if (store != NULL && check != NULL && shown != NULL &&
	    X509_STORE_CTX_init(check, store, shown, SSL_get_peer_cert_chain(ssl)) == 1 &&
	    X509_STORE_CTX_set_default(check, "ssl_client") == 1) {
		good = X509_verify_cert(check) == 1;
	}
	X509_STORE_CTX_free(check);
	X509_STORE_free(store);
	X509_free(shown);
	ERR_clear_error();
	return good;
}

const pdb_certificate *pdb__conn_certificate(pdb_conn *conn)
{
	pdb_http *http = conn->loop->http;

	if (conn->ssl == NULL) {
		return NULL;
	}
	if (!conn->certificate_read) {
		conn->certificate_read = true;
		conn->certificate = read_certificate(conn->ssl);
		conn->certificate_good = conn->certificate != NULL;
	}
	if (conn->certificate == NULL) {
		return NULL;
	}
	if (conn->tls_generation != atomic_load(&http->tls_generation)) {
		conn->certificate_good = verify_again(http, conn->ssl, &conn->tls_generation);
	}
	if (!conn->certificate_good ||
	    conn->certificate->expires < pdb_clock_now() / PDB_NS_PER_SECOND) {
		return NULL;
	}
	return conn->certificate;
}
