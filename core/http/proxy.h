/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, versions 1 and 2: a header that tells for whom a connection was made. */
#ifndef PDB_HTTP_PROXY_H
#define PDB_HTTP_PROXY_H

#include <pdb/address.h>

/* A whole header of version 1, and of version 2 what stands before the TLVs. */
#define PDB_PROXY_V1_MAX 107u
#define PDB_PROXY_HEAD   232u

typedef enum pdb_proxy_verdict {
	PDB_PROXY_MORE, /* all bytes were taken, and the header is not complete */
	PDB_PROXY_DONE, /* the bytes behind `used` are the client's */
	PDB_PROXY_BAD   /* this is no header: the connection must be closed */
} pdb_proxy_verdict;

/*
 * Zero-initialise. Judges byte by byte, so that it does not matter how they arrive; what is wrong
 * is known with the first byte that makes it so. Pure: no sockets, no clock.
 * Threads: one at a time.
 */
typedef struct pdb_proxy {
	uint8_t bytes[PDB_PROXY_HEAD];
	size_t len;     /* of `bytes`; with version 2 the TLVs are counted and not kept */
	size_t taken;   /* bytes of the header so far */
	size_t whole;   /* bytes of a header of version 2, once that is known */
	size_t tlv;     /* bytes left of the value of the present TLV */
	size_t tlv_len; /* while the three bytes before it are read */
	unsigned tlv_at;
	/* For PDB_PROXY_DONE: the client's address, "unix" for a local one; "" when the header
	 * names none, and the address of the connection is the one that counts. */
	char address[PDB_ADDRESS_MAX];
} pdb_proxy;

/* `*used` is how many of `bytes` belong to the header. */
pdb_proxy_verdict pdb_proxy_feed(pdb_proxy *proxy, pdb_slice bytes, size_t *used);

#endif
