/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of PROXY headers: text lines of version 1, binary ones of version 2. */
#include "http/proxy.h"

#include "base/text.h"

/* Where the parts of a header of version 2 begin. */
#define SIGNATURE_LEN 12u
#define AT_COMMAND    12u
#define AT_FAMILY     13u
#define AT_ADDRESSES  16u

#define V2_LOCAL  0x20u
#define V2_PROXY  0x21u
#define V2_UNSPEC 0x00u
#define V2_TCP4   0x11u
#define V2_TCP6   0x21u
#define V2_UNIX   0x31u

static const uint8_t signature[SIGNATURE_LEN] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
						 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const char v1_prefix[] = "PROXY ";

/* -- version 1 -------------------------------------------------------------------------------- */

/* Cuts the word off the front of `line`; false when no single space ends it. */
static bool next_word(pdb_slice *line, pdb_slice *word)
{
	const uint8_t *space = line->len > 0 ? memchr(line->ptr, ' ', line->len) : NULL;

	if (space == NULL || space == line->ptr) {
		return false;
	}
	*word = pdb_slice_of(line->ptr, (size_t)(space - line->ptr));
	*line = pdb_slice_skip(*line, word->len + 1);
	return true;
}

static bool port_valid(pdb_slice text)
{
	uint64_t port = 0;

	return text.len > 0 && (text.len == 1 || text.ptr[0] != '0') &&
	       pdb_text_to_uint(text, &port) && port <= 65535;
}

/* "source destination port port", all of the family that the line has named. */
static bool read_addresses(pdb_proxy *proxy, pdb_slice line, int family)
{
	pdb_address source;
	pdb_address destination;
	pdb_slice word;

	if (!next_word(&line, &word) || !pdb_address_parse(&source, word) ||
	    source.family != family) {
		return false;
	}
	if (!next_word(&line, &word) || !pdb_address_parse(&destination, word) ||
	    destination.family != family) {
		return false;
	}
	if (!next_word(&line, &word) || !port_valid(word) || !port_valid(line)) {
		return false;
	}
	pdb_address_unmap(&source);
	pdb_address_print(&source, proxy->address);
	return true;
}

static bool read_line(pdb_proxy *proxy)
{
	pdb_slice line = pdb_slice_of(proxy->bytes, proxy->len - 2);
	pdb_slice word;

	line = pdb_slice_skip(line, sizeof(v1_prefix) - 1);
	if (pdb_slice_is(line, "UNKNOWN")) {
		return true;
	}
	if (!next_word(&line, &word)) {
		return false;
	}
	if (pdb_slice_is(word, "UNKNOWN")) {
		return true; /* whatever follows is not for us */
	}
	if (pdb_slice_is(word, "TCP4")) {
		return read_addresses(proxy, line, AF_INET);
	}
	return pdb_slice_is(word, "TCP6") && read_addresses(proxy, line, AF_INET6);
}

static pdb_proxy_verdict feed_text(pdb_proxy *proxy, uint8_t byte)
{
	size_t at = proxy->len;
	bool ended = at > 0 && proxy->bytes[at - 1] == '\r';

	if (at >= PDB_PROXY_V1_MAX || (ended && byte != '\n')) {
		return PDB_PROXY_BAD;
	}
	if (at < sizeof(v1_prefix) - 1 ? byte != (uint8_t)v1_prefix[at]
				       : (!ended && byte != '\r' && (byte < ' ' || byte > '~'))) {
		return PDB_PROXY_BAD;
	}
	proxy->bytes[proxy->len++] = byte;
	if (!ended) {
		return PDB_PROXY_MORE;
	}
	return read_line(proxy) ? PDB_PROXY_DONE : PDB_PROXY_BAD;
}

/* -- version 2 -------------------------------------------------------------------------------- */

/* The bytes of both addresses; SIZE_MAX for a family that cannot come over a stream. */
static size_t addresses_size(uint8_t family)
{
	switch (family) {
	case V2_UNSPEC:
		return 0;
	case V2_TCP4:
		return 12;
	case V2_TCP6:
		return 36;
	case V2_UNIX:
		return 216;
	default:
		return SIZE_MAX;
	}
}

static bool is_local(const pdb_proxy *proxy)
{
	return proxy->bytes[AT_COMMAND] == V2_LOCAL;
}

/* Nothing behind the fixed part is for us: it is skipped without a look. */
static bool is_opaque(const pdb_proxy *proxy)
{
	return is_local(proxy) || proxy->bytes[AT_FAMILY] == V2_UNSPEC;
}

/* True when `at` may hold `byte`; of the addresses every byte is good. */
static bool head_byte_valid(const pdb_proxy *proxy, size_t at, uint8_t byte)
{
	if (at < SIGNATURE_LEN) {
		return byte == signature[at];
	}
	if (at == AT_COMMAND) {
		return byte == V2_LOCAL || byte == V2_PROXY;
	}
	return at != AT_FAMILY || is_local(proxy) || addresses_size(byte) != SIZE_MAX;
}

/* The length is known: the addresses must fit into it. */
static bool take_length(pdb_proxy *proxy)
{
	size_t length = (size_t)proxy->bytes[14] << 8 | proxy->bytes[15];

	proxy->whole = AT_ADDRESSES + length;
	return is_opaque(proxy) || length >= addresses_size(proxy->bytes[AT_FAMILY]);
}

/* How much of the header is kept. */
static size_t head_size(const pdb_proxy *proxy)
{
	return proxy->whole == 0 || is_opaque(proxy)
		       ? AT_ADDRESSES
		       : AT_ADDRESSES + addresses_size(proxy->bytes[AT_FAMILY]);
}

/* TLVs: a byte of type, two of length, the value. Skipped, but they must end where the header
 * does. */
static void skip_tlv(pdb_proxy *proxy, uint8_t byte)
{
	if (proxy->tlv > 0) {
		proxy->tlv--;
		return;
	}
	if (proxy->tlv_at > 0) {
		proxy->tlv_len = proxy->tlv_len << 8 | byte;
	}
	if (++proxy->tlv_at == 3) {
		proxy->tlv = proxy->tlv_len;
		proxy->tlv_len = 0;
		proxy->tlv_at = 0;
	}
}

static void name_address(pdb_proxy *proxy)
{
	pdb_address address = {0};

	switch (proxy->bytes[AT_FAMILY]) {
	case V2_TCP4:
		address.family = AF_INET;
		memcpy(address.bytes, proxy->bytes + AT_ADDRESSES, 4);
		break;
	case V2_TCP6:
		address.family = AF_INET6;
		memcpy(address.bytes, proxy->bytes + AT_ADDRESSES, 16);
		pdb_address_unmap(&address);
		break;
	case V2_UNIX:
		memcpy(proxy->address, "unix", sizeof("unix"));
		return;
	default:
		return;
	}
	pdb_address_print(&address, proxy->address);
}

static pdb_proxy_verdict feed_binary(pdb_proxy *proxy, uint8_t byte)
{
	if (proxy->len < head_size(proxy)) {
		if (!head_byte_valid(proxy, proxy->len, byte)) {
			return PDB_PROXY_BAD;
		}
		proxy->bytes[proxy->len++] = byte;
		if (proxy->len == AT_ADDRESSES && !take_length(proxy)) {
			return PDB_PROXY_BAD;
		}
	} else if (!is_opaque(proxy)) {
		skip_tlv(proxy, byte);
	}
	if (proxy->taken + 1 < AT_ADDRESSES || proxy->taken + 1 < proxy->whole) {
		return PDB_PROXY_MORE;
	}
	if (proxy->tlv > 0 || proxy->tlv_at > 0) {
		return PDB_PROXY_BAD;
	}
	if (!is_opaque(proxy)) {
		name_address(proxy);
	}
	return PDB_PROXY_DONE;
}

pdb_proxy_verdict pdb_proxy_feed(pdb_proxy *proxy, pdb_slice bytes, size_t *used)
{
	pdb_proxy_verdict verdict = PDB_PROXY_MORE;
	size_t at = 0;

	while (at < bytes.len && verdict == PDB_PROXY_MORE) {
		bool text = (proxy->taken == 0 ? bytes.ptr[at] : proxy->bytes[0]) == 'P';

		verdict =
			text ? feed_text(proxy, bytes.ptr[at]) : feed_binary(proxy, bytes.ptr[at]);
		proxy->taken++;
		at++;
	}
	*used = at;
	return verdict;
}
