/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file or of standard input, plain or compressed with zstd. */
#ifndef PDB_TOOLS_INPUT_H
#define PDB_TOOLS_INPUT_H

#include <pdb/slice.h>
#include <pdb/status.h>

/* Longer lines are refused: no server would take the message. */
#define PDB_INPUT_LINE_MAX ((size_t)16 * 1024 * 1024)

typedef struct pdb_input pdb_input;

/* Opens `path`, "-" for standard input. Compression is seen from the first bytes.
 * Errors: PDB_ENOTFOUND (cannot be opened), PDB_ENOMEM.  Owns: *out until close. */
pdb_status pdb_input_open(pdb_input **out, const char *path, pdb_err *err);
void pdb_input_close(pdb_input **input);

/* The next line without its end; borrowed until the next call. PDB_ESTOP behind the last one.
 * Errors: PDB_EBACKEND (reading failed), PDB_ECORRUPT (broken compression), PDB_ETOOLARGE. */
pdb_status pdb_input_line(pdb_input *input, pdb_slice *line_out, pdb_err *err);

/* Where we are: behind the last line, in bytes and lines of the text. */
uint64_t pdb_input_offset(const pdb_input *input);
uint64_t pdb_input_line_number(const pdb_input *input);
/* Bytes of the file read so far, and in all; 0 when that is not known. */
uint64_t pdb_input_raw_done(const pdb_input *input);
uint64_t pdb_input_raw_total(const pdb_input *input);

#endif
