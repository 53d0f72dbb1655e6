/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash under a secret of this process. */
#include "who.h"

#include <pdb/address.h>

#define TEXT_MAX 1024u

uint64_t who_text(const who_secret *secret, who_kind kind, pdb_slice text)
{
	uint8_t input[1 + sizeof(size_t) + TEXT_MAX];
	uint8_t digest[crypto_shorthash_BYTES];
	size_t len = text.len < TEXT_MAX ? text.len : TEXT_MAX;
	uint64_t number;

	input[0] = (uint8_t)kind;
	memcpy(input + 1, &text.len, sizeof(text.len));
	if (len > 0) {
		memcpy(input + 1 + sizeof(text.len), text.ptr, len);
	}
	(void)crypto_shorthash(digest, input, 1 + sizeof(text.len) + len, secret->bytes);
	sodium_memzero(input, 1 + sizeof(text.len) + len);
	memcpy(&number, digest, sizeof(number));
	return number != 0 ? number : 1;
}

uint64_t who_address(const who_secret *secret, const char *peer)
{
	pdb_slice text = pdb_slice_text(peer);
	pdb_address address;

	if (!pdb_address_parse(&address, text)) {
		return who_text(secret, WHO_ADDRESS, text);
	}
	pdb_address_unmap(&address);
	return who_text(secret, WHO_ADDRESS,
			pdb_slice_of(address.bytes, address.family == AF_INET ? 4 : 8));
}
