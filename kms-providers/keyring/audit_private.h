/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the audit log share. */
#ifndef PDB_KEYRING_AUDIT_PRIVATE_H
#define PDB_KEYRING_AUDIT_PRIVATE_H

#include "audit.h"

/* The MAC of a line that follows the one with the hash `prev`, over all in front of ,"mac": */
void pdb__audit_mac(const pdb__audit *audit, const uint8_t prev[PDB__AUDIT_HASH], pdb_slice text,
		    uint8_t out[PDB__AUDIT_MAC]);

/* Each with the lock held (before threads: without); 0 or an errno value. */
int pdb__audit_checkpoint(pdb__audit *audit);
int pdb__audit_mark(pdb__audit *audit, const char *phase);

/* With the sync lock held: makes durable, and writes the head. 0 or an errno value. */
int pdb__audit_settle(pdb__audit *audit);

/* With the sync lock held, all being durable: begins a new file, which continues the chain. */
void pdb__audit_next_file(pdb__audit *audit);

#endif
