/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks as numbers: read, printed, and whether one is in the other. */
#ifndef PDB_ADDRESS_H
#define PDB_ADDRESS_H

#include <arpa/inet.h>
#include <pdb/slice.h>
#include <sys/socket.h>

/* Room for any address as text, with its NUL. */
#define PDB_ADDRESS_MAX 64u

/* Since 1.1. */
typedef struct pdb_address {
	int family;        /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* in network order; the first four of an AF_INET one, the rest zero */
} pdb_address;

/* The addresses that share the first `bits` bits. Since 1.1. */
typedef struct pdb_network {
	pdb_address address;
	unsigned bits;
} pdb_network;

/* An IPv4 address in the clothes of IPv6 (RFC 4291, 2.5.5.2) becomes a plain one. Since 1.1. */
static inline void pdb_address_unmap(pdb_address *address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (address->family == AF_INET6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0) {
		memmove(address->bytes, address->bytes + sizeof(mapped), 4);
		memset(address->bytes + 4, 0, 12);
		address->family = AF_INET;
	}
}

/* Strict: no zone, no leading zeros, nothing around. "::ffff:192.0.2.1" stays what it is. False
 * for anything that is no address. Since 1.1. */
static inline bool pdb_address_parse(pdb_address *out, pdb_slice text)
{
	char copy[PDB_ADDRESS_MAX];

	memset(out, 0, sizeof(*out));
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL) {
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	out->family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
	return inet_pton(out->family, copy, out->bytes) == 1;
}

/* Writes the canonical text to `out`, which has PDB_ADDRESS_MAX bytes. Since 1.1. */
static inline void pdb_address_print(const pdb_address *address, char *out)
{
	if (inet_ntop(address->family, address->bytes, out, PDB_ADDRESS_MAX) == NULL) {
		out[0] = '\0';
	}
}

/* At most three digits, no sign, no leading zero. */
static inline bool pdb__network_bits(pdb_slice text, unsigned *bits)
{
	*bits = 0;
	if (text.len == 0 || text.len > 3 || (text.len > 1 && text.ptr[0] == '0')) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return false;
		}
		*bits = *bits * 10 + (unsigned)(text.ptr[i] - '0');
	}
	return true;
}

/* True when nothing but zeros stands behind the prefix. */
static inline bool pdb__network_whole(const pdb_network *network, unsigned width)
{
	for (unsigned bit = network->bits; bit < width; bit++) {
		if ((network->address.bytes[bit / 8] & (0x80u >> (bit % 8))) != 0) {
			return false;
		}
	}
	return true;
}

/* "192.0.2.0/24", "2001:db8::/32", or one address. Bits behind the length must be zero:
 * "10.0.0.1/8" is more likely a slip than a wish. Mapped networks become IPv4 ones.
 * False for anything else. Since 1.1. */
static inline bool pdb_network_parse(pdb_network *out, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned width;

	if (!pdb_address_parse(&out->address, pdb_slice_of(text, len))) {
		return false;
	}
	width = out->address.family == AF_INET ? 32 : 128;
	out->bits = width;
	if (slash != NULL && (!pdb__network_bits(pdb_slice_text(slash + 1), &out->bits) ||
			      out->bits > width || !pdb__network_whole(out, width))) {
		return false;
	}
	if (out->bits >= 96) {
		pdb_address_unmap(&out->address);
		out->bits -= out->address.family == AF_INET && width == 128 ? 96 : 0;
	}
	return true;
}

/* A mapped address is looked for as the IPv4 one that it is. Since 1.1. */
static inline bool pdb_network_has(const pdb_network *network, const pdb_address *address)
{
	pdb_address plain = *address;
	unsigned whole = network->bits / 8;
	uint8_t mask = (uint8_t)(0xff00u >> (network->bits % 8));

	pdb_address_unmap(&plain);
	if (plain.family != network->address.family ||
	    memcmp(plain.bytes, network->address.bytes, whole) != 0) {
		return false;
	}
	return network->bits % 8 == 0 ||
	       ((plain.bytes[whole] ^ network->address.bytes[whole]) & mask) == 0;
}

#endif
