/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over a socket, or TLS over it, until a deadline. */
#ifndef PDB_WIRE_STREAM_H
#define PDB_WIRE_STREAM_H

#include <openssl/ssl.h>

#include "wire/wire.h"

/* The socket does not block; waiting is done by poll until the deadline (host->monotonic). */
typedef struct wire_stream {
	const pdb_host *host;
	int fd; /* -1 = none */
	SSL *ssl;
	wire_buf in; /* read, not yet taken */
	size_t taken;
} wire_stream;

/* Connects, with TLS when `tls` is set. Errors: PDB_EUNAVAILABLE, PDB_EDENIED (who answers is not
 * who should). */
pdb_status wire_stream_connect(wire_stream *stream, const wire_endpoint *endpoint, SSL_CTX *tls,
			       int64_t deadline, pdb_err *err);
/* Takes over an accepted socket; the handshake too when `tls` is set. */
pdb_status wire_stream_accept(wire_stream *stream, int fd, SSL_CTX *tls, int64_t deadline,
			      pdb_err *err);
/* `soon` says goodbye in TLS. */
void wire_stream_close(wire_stream *stream);

/* Sends head and body. Errors: PDB_EUNAVAILABLE, PDB_ETIMEOUT. */
pdb_status wire_stream_send(wire_stream *stream, const wire_head *head, pdb_slice body,
			    int64_t deadline, pdb_err *err);
/* Receives one message; *body_out borrows from the stream until the next call. `idle` is until when
 * the first byte may come, `deadline` how long the rest may take after it. Errors: PDB_EUNAVAILABLE
 * (closed), PDB_ETIMEOUT, PDB_EINVAL (not a message), PDB_ENOMEM. */
pdb_status wire_stream_receive(wire_stream *stream, wire_head *head, pdb_slice *body_out,
			       int64_t idle, int64_t rest, pdb_err *err);
/* True when a byte was received since the last message. */
bool wire_stream_begun(const wire_stream *stream);
/* True when the other side has closed, or said something unasked. */
bool wire_stream_stale(wire_stream *stream);
/* True when nobody waits for an answer any more. */
bool wire_stream_left(const wire_stream *stream);

/* -- TLS ----------------------------------------------------------------------------------------
 */

typedef struct wire_tls_files {
	const char *certificate;
	const char *key;
	const char *authorities; /* who signs the other side's certificate */
} wire_tls_files;

/* TLS 1.3 only, both sides with certificates. Errors: PDB_EINVAL with the file. */
pdb_status wire_tls_make(SSL_CTX **out, const wire_tls_files *files, bool server, pdb_err *err);
void wire_tls_free(SSL_CTX **tls);

/* The certificate that the other side has shown. */
typedef struct wire_certificate {
	char fingerprint[65]; /* SHA-256 as hex */
	char name[WIRE_NAME + 1];
	int64_t until; /* unix seconds */
} wire_certificate;

/* False when it has shown none. */
bool wire_tls_peer(const SSL *ssl, wire_certificate *out);
/* Whether a server with `tls` would let it in today; other files may have been read since. */
bool wire_tls_trusts(SSL_CTX *tls, const SSL *ssl);

#endif
