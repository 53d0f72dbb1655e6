/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY header in front of a TLS handshake: taken off the socket before TLS reads from it. */
#include <errno.h>
#include <event2/bufferevent.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/connection_private.h"

bool pdb__conn_take_proxy(pdb_conn *conn, pdb_slice bytes, size_t *used)
{
	switch (pdb_proxy_feed(conn->proxy, bytes, used)) {
	case PDB_PROXY_MORE:
		return true;
	case PDB_PROXY_DONE:
		if (conn->proxy->address[0] != '\0') {
			memcpy(conn->peer, conn->proxy->address, sizeof(conn->peer));
		}
		pdb_mem_free(conn->proxy);
		conn->proxy = NULL;
		return true;
	case PDB_PROXY_BAD:
		break;
	}
	pdb_log(PDB_LOG_DEBUG, "http", "%s sent no good PROXY header", conn->peer);
	return false;
}

/* Looks first and takes only what is the header's: the rest is for TLS. 1 when the header is
 * complete, 0 at the end, -1 with `errno` set otherwise. */
static int take_header(pdb_conn *conn)
{
	int fd = bufferevent_getfd(conn->bev);
	uint8_t piece[PDB_PROXY_HEAD];

	while (conn->proxy != NULL) {
		ssize_t seen = recv(fd, piece, sizeof(piece), MSG_PEEK | MSG_DONTWAIT);
		size_t used = 0;

		if (seen <= 0) {
			return (int)seen;
		}
		if (!pdb__conn_take_proxy(conn, pdb_slice_of(piece, (size_t)seen), &used)) {
			errno = EPROTO;
			return -1;
		}
		if (recv(fd, piece, used, MSG_DONTWAIT) != (ssize_t)used) {
			errno = EIO;
			return -1;
		}
	}
	return 1;
}

static int on_read(BIO *bio, char *out, int size)
{
	int taken = take_header(BIO_get_data(bio));

	BIO_clear_retry_flags(bio);
	if (taken == 1) {
		taken = BIO_read(BIO_next(bio), out, size);
		BIO_copy_next_retry(bio);
	} else if (taken < 0 && (errno == EAGAIN || errno == EINTR)) {
		BIO_set_retry_read(bio);
	}
	return taken;
}

static int on_write(BIO *bio, const char *bytes, int size)
{
	int sent = BIO_write(BIO_next(bio), bytes, size);

	BIO_clear_retry_flags(bio);
	BIO_copy_next_retry(bio);
	return sent;
}

static long on_ctrl(BIO *bio, int command, long number, void *arg)
{
	return BIO_ctrl(BIO_next(bio), command, number, arg);
}

static int on_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void make_method(void)
{
	BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "PROXY header");

	if (made == NULL || BIO_meth_set_read(made, on_read) != 1 ||
	    BIO_meth_set_write(made, on_write) != 1 || BIO_meth_set_ctrl(made, on_ctrl) != 1 ||
	    BIO_meth_set_create(made, on_create) != 1) {
		BIO_meth_free(made);
		return;
	}
	method = made;
}

/* libevent has made TLS read from the socket itself; not a byte was read yet. */
bool pdb__conn_proxy_tls(pdb_conn *conn)
{
	BIO *filter;
	BIO *socket;

	(void)pthread_once(&method_once, make_method);
	filter = method != NULL ? BIO_new(method) : NULL;
	socket = filter != NULL ? BIO_new_socket(bufferevent_getfd(conn->bev), BIO_NOCLOSE) : NULL;
	if (socket == NULL) {
		BIO_free(filter);
		ERR_clear_error();
		return false;
	}
	BIO_set_data(filter, conn);
	(void)BIO_push(filter, socket);
	SSL_set_bio(conn->ssl, filter, filter);
	return true;
}
