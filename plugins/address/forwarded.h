/* SPDX-License-Identifier: Apache-2.0 */
/* What proxies write about the way of a request: X-Forwarded-For and Forwarded (RFC 7239). */
#ifndef PDB_ADDRESS_FORWARDED_H
#define PDB_ADDRESS_FORWARDED_H

#include <pdb/address.h>

/*
 * Each proxy adds an element on the right, behind what the client sent: only the right end can be
 * believed. So elements are cut off from there, and nothing further left can change how they read.
 */
typedef enum forwarded_kind {
	FORWARDED_LIST = 0, /* X-Forwarded-For: addresses, with or without a port */
	FORWARDED_PAIRS = 1 /* Forwarded: for=…;by=…;proto=… */
} forwarded_kind;

/* Cuts the last element off `*field`, empty ones left out; false when there is none any more. */
bool forwarded_cut(forwarded_kind kind, pdb_slice *field, pdb_slice *element_out);

/* The address in an element; false when it names none ("unknown", "_name", or unreadable). */
bool forwarded_address(forwarded_kind kind, pdb_slice element, pdb_address *out);

#endif
